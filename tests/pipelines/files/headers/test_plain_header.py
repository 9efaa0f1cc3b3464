"""Headers as other tools write them: what is needed of them is read, and what is taken for granted is said."""

import logging
import re

import pytest
from helpers.builders import encoding, header_xml

from gadgets.wire.header import encodings_of, xsd_header
from pipelines.files.headers.mrd_header import mended, read_header

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
        re.sub(rb"<(/?)(?=[a-zA-Z])", rb"<\1mrd:", USUAL).replace(b"xmlns=", b"xmlns:mrd="),
        USUAL.replace(b"<x>32</x>", b'<x>"3.2e1"</x>'),
        USUAL.replace(b"<x>32</x>", b"<x><![CDATA[ 32 ]]></x>"),
        USUAL.replace(b"<z>1</z>", b"<z>0</z>"),
        USUAL.replace(b"<z>1</z>", b"<z/>"),
        re.sub(b"<minimum>0</minimum>", b"", USUAL),
        re.sub(b"<center>.*?</center>", b"", USUAL),
        USUAL.replace(b"</encodingLimits>", b"<other><maximum>1</maximum></other></encodingLimits>"),
        re.sub(b"(<kspace_encoding_step_1><minimum>.*?</kspace_encoding_step_1>)", rb"\1\1", USUAL),
        USUAL.replace(b"<encoding>", b"<a>&eacute; & &#1; \xfc \x02</a><encoding>"),
        USUAL.decode().encode("utf-16"),
        USUAL.replace(b'<?xml version="1.0"?>', b"").decode().encode("utf-16-le"),
        USUAL.replace(b'<?xml version="1.0"?>', b"").decode().encode("utf-16-be"),
        b"\xef\xbb\xbf" + USUAL,
    ],
    ids=[
        "nested parameters",
        "unknown element",
        "no patient position",
        "fractions",
        "no namespace",
        "a prefix",
        "a number in quotes",
        "a number in CDATA",
        "no third axis",
        "an empty third axis",
        "limits without a minimum",
        "limits without a centre",
        "limits of nothing that counts",
        "the same limits twice",
        "texts that are no XML",
        "UTF-16",
        "UTF-16 without a mark",
        "the other UTF-16 without a mark",
        "a mark of UTF-8",
    ],
)
def test_what_nobody_here_asks_for_does_not_matter(header):
    assert encodings_of(xsd_header(mended(header, "here"))) == EXPECTED
    assert encodings_of(read_header(header, "here")) == EXPECTED


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (b"TrajectoryType.CARTESIAN", "cartesian"),
        (b"&lt;trajectoryType.EPI: 'epi'&gt;", "epi"),
        (b"Radial", "radial"),
        (b"0", "cartesian"),
        (b"4", "spiral"),
        (b"propeller", "other"),
        (b"9", "other"),
    ],
)
def test_a_trajectory_is_read_however_it_is_spelled(text, read):
    (found,) = encodings_of(read_header(USUAL.replace(b"cartesian", text), "here"))
    assert found.trajectory == read


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (b"trajectory", "no trajectory, taken for cartesian"),
        (b"reconSpace", "no reconSpace, images have the encoded matrix"),
        (b"fieldOfView_mm", "no field of view, pixels are 1 mm wide"),
        ((b"<x>512.0</x>", b"<x>NaN</x>"), "no field of view, pixels are 1 mm wide"),
        ((b"<x>512.0</x>", b"<x>1e39</x>"), "no field of view, pixels are 1 mm wide"),
        ((b"<maximum>11</maximum>", b"<maximum>all</maximum>"), "no limits of kspace_encoding_step_1, the matrix"),
        ((b"_step_1>2<", b"_step_1>1.5<"), "acceleration of kspace_encoding_step_1 taken for 2"),
        ((b"cartesian", b"0.5"), "a trajectory that MRD does not have, taken for other"),
    ],
)
def test_what_is_taken_for_granted_is_said(missing, said, caplog):
    caplog.set_level(logging.WARNING)
    header = without(missing) if isinstance(missing, bytes) else USUAL.replace(*missing)
    (found,) = encodings_of(read_header(header, "here"))
    assert found.encoded_matrix == EXPECTED[0].encoded_matrix
    assert found.lines == EXPECTED[0].lines
    assert found.is_cartesian is ("taken for other" not in said)
    assert f"here: the MRD header is not as the standard has it; encoding 0: {said}" in caplog.text


def test_without_limits_the_matrix_counts():
    (found,) = encodings_of(read_header(without(b"encodingLimits"), "here"))
    assert (found.lines.minimum, found.lines.maximum, found.lines.centre) == (0, 11, 6)
