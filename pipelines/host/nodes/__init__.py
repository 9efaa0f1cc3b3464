"""Nodes: how is one node started, talked to, gone round and ended?

The files, from the start of a node to its end:

================  ======================================
module            what is in it
================  ======================================
``node_process``  one node: started, spoken to, ended
``own_process``   its process
``node_start``    what that does first
``node_socket``   the socket to it
``node_input``    what it was sent, and still holds
``answers``       what it says, and when it says nothing
``node_log``      what its process writes
================  ======================================
"""

from pipelines.host.nodes.answers import ENDED_EARLY, check_end, message_of
from pipelines.host.nodes.node_input import NodeInput
from pipelines.host.nodes.node_process import EXIT_LIMIT_S, NodeProcess

__all__ = [
    "ENDED_EARLY",
    "EXIT_LIMIT_S",
    "NodeInput",
    "NodeProcess",
    "check_end",
    "message_of",
]
