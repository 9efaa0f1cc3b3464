"""Headers as other tools write them: what is needed of them is read, and what is taken for granted is said."""

import logging

import pytest
from helpers.builders import encoding, header_xml

from gadgets.wire.header import encodings_of, xsd_header
from pipelines.files.mrd_header import mended, read_header

USUAL = header_xml([encoding(n_lines=12, n_samples=32, acceleration=2)])
EXPECTED = encodings_of(xsd_header(USUAL))
NESTED = b"<userParameters><userParameters><name>a</name><value>1</value></userParameters></userParameters>"


def without(element, header=USUAL):
    start, end = header.index(b"<" + element + b">"), header.index(b"</" + element + b">") + len(element) + 3
    return header[:start] + header[end:]


@pytest.mark.parametrize(
    "header",
    [
        USUAL.replace(b"</ismrmrdHeader>", NESTED + b"</ismrmrdHeader>"),
        USUAL.replace(b"</encoding>", b"<somethingNew>1</somethingNew></encoding>"),
        USUAL.replace(
            b"<encoding>",
            b"<measurementInformation><protocolName>gre</protocolName></measurementInformation><encoding>",
            1,
        ),
        USUAL.replace(b"<x>32</x>", b"<x>32.0</x>"),
        USUAL.replace(b' xmlns="http://www.ismrm.org/ISMRMRD"', b""),
    ],
    ids=["nested parameters", "unknown element", "no patient position", "fractions", "no namespace"],
)
def test_what_nobody_here_asks_for_does_not_matter(header):
    assert encodings_of(xsd_header(mended(header, "here"))) == EXPECTED
    assert encodings_of(read_header(header, "here")) == EXPECTED


def test_an_enumeration_as_python_prints_it_is_read():
    header = USUAL.replace(b"cartesian", b"TrajectoryType.CARTESIAN")
    assert encodings_of(read_header(header, "here")) == EXPECTED


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (b"trajectory", "no trajectory, taken for cartesian"),
        (b"reconSpace", "no reconSpace, images have the encoded matrix"),
    ],
)
def test_what_is_taken_for_granted_is_said(missing, said, caplog):
    caplog.set_level(logging.WARNING)
    (found,) = encodings_of(read_header(without(missing), "here"))
    assert found.encoded_matrix == EXPECTED[0].encoded_matrix
    assert found.is_cartesian
    assert f"here: the MRD header is not as the standard has it; encoding 0: {said}" in caplog.text


def test_without_limits_the_matrix_counts():
    (found,) = encodings_of(read_header(without(b"encodingLimits"), "here"))
    assert (found.lines.minimum, found.lines.maximum, found.lines.centre) == (0, 11, 6)
