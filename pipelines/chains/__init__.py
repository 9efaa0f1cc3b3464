"""Chains: which nodes, in which order?

The files, from a name to nodes:

=========================  =================================================
module                     what is in it
=========================  =================================================
``packaged``               chains that come with despark, or lie in files
``asked``                  chains that a client asks for
``chain_xml``              a chain as it is written
``chain``                  a chain: nodes in their order, and their settings
``chain_node``             one of its nodes
``scan_in_configuration``  what a node elsewhere is told of the scan
``trust``                  what a client may name
``preflight``              what is checked before a scan
=========================  =================================================
"""

from pipelines.chains.asked import AskedChains
from pipelines.chains.chain import Chain
from pipelines.chains.chain_node import DECLARATION, Node, of_raw_repair, to_bytes
from pipelines.chains.chain_xml import parse_chain
from pipelines.chains.packaged import find_chain, packaged_chain, packaged_names
from pipelines.chains.preflight import check_default_models, check_models, check_reports, reports_of
from pipelines.chains.scan_in_configuration import name_in, with_name
from pipelines.chains.trust import EVERYTHING, OURS, WORKER_PORTS, Trust, trust_of

__all__ = [
    "DECLARATION",
    "EVERYTHING",
    "OURS",
    "WORKER_PORTS",
    "AskedChains",
    "Chain",
    "Node",
    "Trust",
    "check_default_models",
    "check_models",
    "check_reports",
    "find_chain",
    "name_in",
    "of_raw_repair",
    "packaged_chain",
    "packaged_names",
    "parse_chain",
    "reports_of",
    "to_bytes",
    "trust_of",
    "with_name",
]
