"""Encodings and limits of a header."""

from helpers.builders import encoding, header_xml
from ismrmrd import xsd

from gadgets.kspace.readout import Limits
from gadgets.wire import encodings_of


def test_the_header_gives_its_encodings():
    expected = [encoding(n_lines=8, acceleration=2), encoding(n_lines=6, n_partitions=4, trajectory="radial")]
    assert encodings_of(xsd.CreateFromDocument(header_xml(expected))) == tuple(expected)


def test_limits_that_the_header_lacks_come_from_the_matrix():
    text = header_xml([encoding(n_lines=9)])
    start, end = text.index(b"<kspace_encoding_step_1><min"), text.index(b"</encodingLimits>")
    (found,) = encodings_of(xsd.CreateFromDocument(text[:start] + text[end:]))
    assert found.lines == Limits(0, 4, 8)
    assert found.partitions == Limits(0, 0, 0)
