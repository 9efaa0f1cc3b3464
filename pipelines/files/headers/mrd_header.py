"""The MRD header: checked when it comes in, and mended where the nodes' parser would stumble."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

import ismrmrd.xsd
from xsdata.exceptions import ParserError

from gadgets.errors import RawDataError
from gadgets.outside import MAX_XML_BYTES, XMLError, name_of, parse_xml, tidied
from pipelines.files.headers.plain_header import AXES, LIMITS, LONGEST_MM, NAMESPACE, STEPS, plain_header

MRDHeader: TypeAlias = ismrmrd.xsd.ismrmrdHeader

# The parser raises what it stumbles on.
# An encoding that Python has no name for is a LookupError.
_REFUSALS = (ParserError, TypeError, ValueError, LookupError)

logger = logging.getLogger(__name__)


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
    return read_and_mend(xml, where)[1]


def read_and_mend(xml: bytes, where: str) -> tuple[bytes, MRDHeader]:
    """Give a header as :func:`mended` does, and parsed; large ones take a second, so they are read once only."""
    usual, header, defaults = _mended(xml, where)
    for said in defaults:
        # Folders may be called after patients.
        logger.warning("%s: the MRD header is not as the standard has it; %s", Path(where).name, said)
    return usual, header


def mended(xml: bytes, where: str) -> bytes:
    """Give a header that the nodes' parser takes: the same where it does, else what is needed of it.

    Raises
    ------
    RawDataError
        It is not well-formed XML or no MRD header, or lacks the size of a matrix.
    """
    return _mended(xml, where)[0]


def _mended(xml: bytes, where: str) -> tuple[bytes, MRDHeader, list[str]]:
    """Mend a header and parse it as the nodes will see it; and say what was taken for granted."""
    root = _parse(xml, where)
    usual, defaults = _with_user_parameters(root, xml), list[str]()
    try:
        header = _strictly(usual)
    except _REFUSALS:
        usual, defaults = plain_header(root, where)
        try:
            header = _strictly(usual)
        except _REFUSALS as error:
            # Without its text, which quotes values: the header has the patient's name.
            raise RawDataError(f"{where}: the MRD header does not parse ({type(error).__name__})") from None
    return usual, header, defaults


def _strictly(xml: bytes) -> MRDHeader:
    """Parse a header as the nodes do."""
    # Dates in foreign formats only warn; nothing here depends on them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header: MRDHeader = ismrmrd.xsd.CreateFromDocument(xml)
    # The older parser (ismrmrd 1.14) gives None for what is absent, the newer one raises.
    if not header.encoding:
        raise ValueError("expected an encoding")
    for encoding in header.encoding:
        if None in (encoding.encodedSpace, encoding.reconSpace):
            raise ValueError("expected two spaces in each encoding")
        if not isinstance(encoding.trajectory, ismrmrd.xsd.trajectoryType):
            raise ValueError("expected a trajectory of those that MRD has")
        for space in (encoding.encodedSpace, encoding.reconSpace):
            # The parser only warns of a text, or a fraction, in place of a number, and keeps it.
            _check_numbers(space.matrixSize, AXES, int)
            _check_numbers(space.fieldOfView_mm, AXES, float)
            # NaN is not below any length.
            if min(vars(space.matrixSize).values()) < 1 or not all(
                abs(length) < LONGEST_MM for length in vars(space.fieldOfView_mm).values()
            ):
                raise ValueError("expected sizes that a matrix has, and lengths of a field of view")
        for limit in vars(encoding.encodingLimits).values() if encoding.encodingLimits else ():
            if limit is not None:
                _check_numbers(limit, LIMITS, int)
        factor = encoding.parallelImaging and encoding.parallelImaging.accelerationFactor
        if factor:
            _check_numbers(factor, STEPS[1:], int)
    return header


def _check_numbers(element: object, names: tuple[str, ...], kind: type[int] | type[float]) -> None:
    # Whole numbers may stand for fractions.
    if not all(isinstance(getattr(element, name, None), (int, kind)) for name in names):
        raise ValueError(f"expected numbers as {', '.join(names)}")


def _with_user_parameters(root: Element, xml: bytes) -> bytes:
    """Give every ``waveformInformation`` its ``userParameters``; otherwise return the header as it is.

    The schema allows it to be absent; the parser of the ``ismrmrd`` package fails there and the node dies.
    """
    wanted = f"{{{NAMESPACE}}}userParameters"
    lacking = [each for each in root.iter(f"{{{NAMESPACE}}}waveformInformation") if each.find(wanted) is None]
    if not lacking:
        # Some clients end the header with a NUL, which is no XML.
        return xml.strip(b"\0 \t\r\n")
    for element in lacking:
        SubElement(element, wanted)
    # As the default namespace: parsers that look for plain names would not find them behind a prefix.
    register_namespace("", NAMESPACE)
    return b'<?xml version="1.0"?>\n' + bytes(tostring(root, encoding="utf-8"))


def _parse(xml: bytes, where: str) -> Element:
    try:
        root = parse_xml(xml)
    except XMLError as error:
        # What a header may have at most is asked for before anything else is made of it.
        if len(xml) > MAX_XML_BYTES:
            raise RawDataError(f"{where}: the MRD header is {error}") from error
        try:
            root = parse_xml(tidied(xml))
        except XMLError:
            raise RawDataError(f"{where}: the MRD header is {error}") from error
    if name_of(root) != "ismrmrdHeader":
        # Not by its name, which may be anything that somebody calls a patient's document.
        raise RawDataError(f"{where}: expected an MRD header with root <ismrmrdHeader>, found another root")
    return root
