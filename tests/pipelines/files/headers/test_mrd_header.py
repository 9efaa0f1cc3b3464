"""The MRD header: checked on the way in, mended for the nodes."""

from __future__ import annotations

import ismrmrd.xsd
import pytest
from helpers.raw_scans import HEADER

from gadgets.errors import RawDataError
from pipelines.files.headers.mrd_header import mended, read_header

WAVEFORM = (
    b"<waveformInformation><waveformName>ECG</waveformName><waveformType>ecg</waveformType></waveformInformation>"
)


def test_a_good_header_is_read_and_left_as_it_is():
    assert read_header(HEADER, "here").encoding[0].encodedSpace.matrixSize.x == 16
    assert mended(HEADER, "here") == HEADER
    assert mended(HEADER + b"\n\0", "here") == HEADER


def test_waveform_information_gets_the_user_parameters_that_the_parser_needs():
    lacking = HEADER.replace(b"</ismrmrdHeader>", WAVEFORM + b"</ismrmrdHeader>")
    header = ismrmrd.xsd.CreateFromDocument(mended(lacking, "here"))
    assert header.waveformInformation[0].waveformName == "ECG"
    assert read_header(lacking, "here").waveformInformation[0].waveformName == "ECG"


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"", "not well-formed XML"),
        (b"nonsense", "not well-formed XML"),
        (b"<ismrmrdHeader/>", "expected an MRD header with an encoding, found none"),
        (b"<a/>", "another root"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "not well-formed XML"),
        (HEADER.replace(b"encodedSpace", b"bogusSpace"), "expected an encodedSpace with the size of its matrix"),
        (
            HEADER.replace(b"<x>16</x>", b"<x>wide</x>", 1),
            "encodedSpace: expected a whole number as x, found no",
        ),
        (HEADER.replace(b"<y>8</y>", b"<y>0</y>", 1), "expected a matrix size of at least 1 along y, found 0"),
    ],
)
def test_a_bad_header_is_refused_with_the_reason(xml, reason):
    with pytest.raises(RawDataError, match=f"here.*{reason}"):
        read_header(xml, "here")
