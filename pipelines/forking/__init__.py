"""Forking: who starts processes, so that none has to import anything anew?"""

from pipelines.forking.environment import clean_environment
from pipelines.forking.forked import Forked
from pipelines.forking.owner import fork_here
from pipelines.forking.request import end_with

__all__ = ["Forked", "clean_environment", "end_with", "fork_here"]
