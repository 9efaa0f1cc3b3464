"""Chains: which nodes, in which order?"""

from pipelines.chains.chain import Chain, find_chain, packaged_chain, parse_chain
from pipelines.chains.chain_node import DECLARATION, Node, to_bytes
from pipelines.chains.preflight import check_default_models, check_models

__all__ = [
    "DECLARATION",
    "Chain",
    "Node",
    "check_default_models",
    "check_models",
    "find_chain",
    "packaged_chain",
    "parse_chain",
    "to_bytes",
]
