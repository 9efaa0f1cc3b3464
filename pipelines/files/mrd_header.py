"""The MRD header: checked when it comes in, and mended where the nodes' parser would stumble."""

from __future__ import annotations

import warnings
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

import ismrmrd.xsd
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from xsdata.exceptions import ParserError

from gadgets.errors import RawDataError

NAMESPACE = "{http://www.ismrm.org/ISMRMRD}"
MRDHeader: TypeAlias = ismrmrd.xsd.ismrmrdHeader
MATRIX_AXES = ("x", "y", "z")


def read_header(xml: bytes, where: str) -> MRDHeader:
    """Parse an MRD header.

    Parameters
    ----------
    xml
        The header as it stands in the file or came on the wire.
    where
        File or peer it came from, for the message of an error.

    Raises
    ------
    RawDataError
        The header is not well-formed XML, not an MRD header, or lacks the size of a matrix.
    """
    try:
        # Dates in foreign formats only warn; nothing here depends on them.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Mended first, as the nodes will see it.
            header: MRDHeader = ismrmrd.xsd.CreateFromDocument(mended(xml, where))
    except (ParserError, TypeError, ValueError) as error:
        raise RawDataError(f"{where}: the MRD header does not parse ({_first_line(error)})") from error
    for number, encoding in enumerate(header.encoding):
        for space in ("encodedSpace", "reconSpace"):
            _check_matrix(getattr(encoding, space), f"{where}: MRD header, encoding {number}, {space}")
    return header


def _check_matrix(space: ismrmrd.xsd.encodingSpaceType, where: str) -> None:
    for axis in MATRIX_AXES:
        size = getattr(space.matrixSize, axis)
        # The parser only warns of a text in place of a number, and keeps it.
        if not isinstance(size, int) or size < 1:
            raise RawDataError(f"{where}: expected a matrix size of at least 1 along {axis}, found {size!r}")


def mended(xml: bytes, where: str) -> bytes:
    """Give every ``waveformInformation`` its ``userParameters``; otherwise return the header as it is.

    The schema allows it to be absent; the parser of the ``ismrmrd`` package fails there and the node dies.
    """
    root = _parse(xml, where)
    lacking = [
        element
        for element in root.iter(f"{NAMESPACE}waveformInformation")
        if element.find(f"{NAMESPACE}userParameters") is None
    ]
    if not lacking:
        # Some clients end the header with a NUL, which is no XML.
        return xml.strip(b"\0 \t\r\n")
    for element in lacking:
        SubElement(element, f"{NAMESPACE}userParameters")
    # As the default namespace: parsers that look for plain names would not find them behind a prefix.
    register_namespace("", NAMESPACE.strip("{}"))
    return b'<?xml version="1.0"?>\n' + bytes(tostring(root, encoding="utf-8"))


def _parse(xml: bytes, where: str) -> Element:
    try:
        # By defusedxml: the header comes from whoever connects, and entities could fill the memory.
        root: Element = ElementTree.fromstring(xml.strip(b"\0 \t\r\n"))
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise RawDataError(f"{where}: the MRD header is not well-formed XML ({_first_line(error)})") from error
    if root.tag != f"{NAMESPACE}ismrmrdHeader":
        raise RawDataError(f"{where}: expected an MRD header with root <ismrmrdHeader>, found <{root.tag}>")
    return root


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
