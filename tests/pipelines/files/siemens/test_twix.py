"""Siemens raw files: read as MRD. No file of a scanner was at hand; these are written by twixtools."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from helpers.images.twix import PROTOCOL, write_twix_file

from gadgets.errors import DesparkError, RawDataError
from pipelines.files.raw_file import RawFile
from pipelines.files.read_kspaces import read_kspaces
from pipelines.files.siemens.readouts import directions
from pipelines.files.siemens.twix import write_as_mrd

pytest.importorskip("twixtools")


@pytest.fixture
def twix(tmp_path):
    path = tmp_path / "meas_MID1.dat"
    samples = write_twix_file(path, position=(1, 2, 3))
    return path, samples


def test_every_readout_is_there_with_its_counters_and_marks(twix):
    path, samples = twix
    with RawFile(path) as raw:
        noise, *lines = raw.acquisitions()
        assert (raw.n_acquisitions, raw.n_waveforms) == (17, 0)
    assert int(noise.fields["flags"]) == 1 << 18
    for number, line in enumerate(lines):
        np.testing.assert_array_equal(line.data, samples[:, number])
        assert int(line.fields["idx"]["kspace_encode_step_1"]) == number
        assert bool(int(line.fields["flags"]) & 1 << 21) == bool(number % 2)
        assert line.fields["center_sample"] == 16
        assert line.fields["acquisition_time_stamp"] == 1000 + number
        assert line.fields["channel_mask"][0] == 0b111
        assert list(line.fields["position"]) == [1, 2, 3]
    assert [int(lines[-1].fields["flags"]) >> mark & 1 for mark in (7, 24)] == [1, 1]


def test_the_protocol_becomes_a_header(twix):
    with RawFile(twix[0]) as raw:
        header = raw.header
    assert header.measurementInformation.protocolName == "gre&more"
    assert header.acquisitionSystemInformation.systemModel.strip() == "Prisma"
    assert header.acquisitionSystemInformation.receiverChannels == 3
    assert header.experimentalConditions.H1resonanceFrequency_Hz == 123250000
    encoded, recon = header.encoding[0].encodedSpace, header.encoding[0].reconSpace
    assert [(space.matrixSize.x, space.matrixSize.y, space.matrixSize.z) for space in (encoded, recon)] == [
        (32, 16, 1),
        (16, 16, 1),
    ]
    assert (encoded.fieldOfView_mm.x, recon.fieldOfView_mm.x, recon.fieldOfView_mm.y) == (480, 240, 230)
    assert header.encoding[0].encodingLimits.kspace_encoding_step_1.maximum == 15
    assert header.sequenceParameters.TR == [25.0]


def test_it_is_a_kspace_for_all_that_reads_one(twix):
    (found,) = read_kspaces(twix[0])
    np.testing.assert_array_equal(found.kspace.data[:, 0], twix[1])


def test_directions_are_a_rotation():
    turned = directions(np.array([0.5, 0.5, 0.5, 0.5]))
    np.testing.assert_allclose(turned, [[0, 1, 0], [0, 0, 1], [1, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(directions(np.array([1.0, 0, 0, 0])), np.eye(3))


def test_nothing_is_left_on_disk(twix, monkeypatch, tmp_path):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with RawFile(twix[0]):
        assert any((tmp_path / "tmp").iterdir())
    assert not any((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("kept", [11000, 0.5, 0.98])
def test_a_damaged_file_is_named_and_never_waited_for(twix, kept):
    content = twix[0].read_bytes()
    twix[0].write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    with pytest.raises(RawDataError, match=r"meas_MID1\.dat: (not a readable Siemens raw file|damaged|truncated)"):
        RawFile(twix[0])


def test_without_its_library_the_extra_and_the_converter_are_named(twix, monkeypatch):
    def refuse(name):
        raise ImportError(name)

    # The process that reads has libraries of its own.
    monkeypatch.setattr("pipelines.files.siemens.twix.in_child", lambda make, *_: make())
    monkeypatch.setattr("pipelines.files.siemens.twix.importlib.import_module", refuse)
    with pytest.raises(DesparkError, match=r"needs twixtools, .*despark\[siemens\].* siemens_to_ismrmrd"):
        RawFile(twix[0])


def test_many_small_readouts_may_take_their_time(twix, monkeypatch, tmp_path):
    # The process that reads has limits of its own: here it is watched that it says how it gets on.
    said = []
    monkeypatch.setattr("pipelines.files.siemens.twix.go_on", lambda: said.append(1))
    monkeypatch.setattr("pipelines.files.siemens.twix.OFTEN", 4)
    write_as_mrd(twix[0], tmp_path / "scan.h5")
    # Twice through 17 readouts and the mark of the end.
    assert len(said) == 2 * (18 // 4)


@pytest.mark.parametrize(
    ("line", "odd"),
    [
        ("tProtocolName", '""a\0b""'),
        ("tProtocolName", '""a\x01b""'),
        ("sKSpace.lPhaseEncodingLines", "-5"),
        ("sKSpace.lPhaseEncodingLines", "70000"),
        ("sKSpace.lPartitions", "99999999999999999999"),
        ("sKSpace.lBaseResolution", "-1"),
        ("sKSpace.lBaseResolution", "1e300"),
        ("sSliceArray.asSlice[0].dReadoutFOV", "-240"),
        ("sSliceArray.asSlice[0].dReadoutFOV", "1e308"),
    ],
)
def test_an_odd_protocol_costs_no_scan(tmp_path, monkeypatch, line, odd):
    lines = [f"{each.split(' = ')[0]} = {odd}" if each.startswith(line) else each for each in PROTOCOL.splitlines()]
    monkeypatch.setattr("helpers.images.twix.PROTOCOL", "\n".join([*lines, ""]))
    path = tmp_path / "meas.dat"
    samples = write_twix_file(path)
    (found,) = read_kspaces(path)
    np.testing.assert_array_equal(found.kspace.data[:, 0], samples)
    with RawFile(path) as raw:
        space = raw.header.encoding[0].reconSpace
    assert (space.matrixSize.y, space.matrixSize.z, space.fieldOfView_mm.y) == (16, 1, 230)
    assert 1 <= space.matrixSize.x <= 32
    assert 0 < space.fieldOfView_mm.x <= 240


@pytest.mark.parametrize(
    ("count", "start"), [(0, 10240), (1, 0), (1, 100), (1, 1 << 40), (1, (1 << 64) - 1), (3, 10240), (64, 10240)]
)
def test_a_damaged_table_of_measurements_is_named(twix, count, start):
    content = bytearray(twix[0].read_bytes())
    struct.pack_into("<I", content, 4, count)
    struct.pack_into("<Q", content, 16, start)
    twix[0].write_bytes(content)
    with pytest.raises(RawDataError, match=rf"meas_MID1\.dat: damaged: of its {count} measurements the last begins at"):
        RawFile(twix[0])


@pytest.mark.parametrize(
    "content",
    [b"", b"abc", bytes(100), b"\0\0\0\0\1\0\0\0" + bytes(92)],
    ids=["empty", "letters", "zeros", "table"],
)
def test_a_file_of_a_few_bytes_is_refused_in_our_words(tmp_path, content):
    path = tmp_path / "scan.dat"
    path.write_bytes(content)
    with pytest.raises(RawDataError, match=rf"scan.dat: expected a Siemens raw file, found {len(content)} bytes"):
        RawFile(path)
