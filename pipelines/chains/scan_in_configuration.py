"""The name of a scan in the CONFIG of a node that runs elsewhere: it has no environment of ours that could tell it."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from gadgets.logbook import ScanName
from gadgets.outside import XMLError, parse_xml
from gadgets.settings import PART
from pipelines.chains.chain_node import DECLARATION, to_bytes

SCAN, CLIENT = "scan", "client"
"""Attributes of the ``<configuration>``. Gadgets of others read the properties in it, and pass these over."""


def with_name(configuration: bytes, name: ScanName) -> bytes:
    """Write the name of a scan into a CONFIG; one that does not parse stays as it is, for its node to complain of."""
    # A node that had no <configuration> is to be known by that behind it, too.
    is_bare = configuration.strip() == DECLARATION.strip()
    try:
        root = Element("configuration", {PART: "true"}) if is_bare else parse_xml(configuration)
    except XMLError:
        return configuration
    root.attrib.update({SCAN: name.scan, CLIENT: name.client})
    return DECLARATION + to_bytes(root) + b"\n"


def name_in(configuration: bytes) -> ScanName | None:
    """Read the name of a scan from a CONFIG; None where there is none, or none of ours."""
    try:
        root = parse_xml(configuration)
    except XMLError:
        return None
    return ScanName.told(root.get(SCAN, ""), root.get(CLIENT, ""))
