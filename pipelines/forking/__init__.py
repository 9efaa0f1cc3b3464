"""Forking: who starts processes, so that none has to import anything anew?

The files, from the owner to the process:

===============  ================================================
module           what is in it
===============  ================================================
``owner``        the process that asks for others
``running``      the server, as its owner sees it
``server``       the server itself
``spawned``      the program that it is where it cannot be a fork
``request``      what is asked of it, and told
``forked``       a process that it has forked
``environment``  what the process finds around it
===============  ================================================
"""

from pipelines.forking.environment import clean_environment
from pipelines.forking.forked import Forked
from pipelines.forking.owner import fork_here
from pipelines.forking.request import end_with

__all__ = ["Forked", "clean_environment", "end_with", "fork_here"]
