"""Nodes: how is one node started, talked to, gone round and ended?"""

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
