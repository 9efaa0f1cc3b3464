"""Raw files: read as they are, written whole or not at all, refused with a reason."""

from __future__ import annotations

import fcntl
import os

import h5py
import numpy as np
import pytest
from helpers.raw_scans import HEADER, make_raw_file, raw_acquisition, raw_waveform, scan_items
from ismrmrd.hdf5 import acquisition_dtype, waveform_dtype

import pipelines.files.raw_writer
import pipelines.files.stored_scan
from gadgets.errors import RawDataError
from pipelines.files.foreign.hdf5_inside import read
from pipelines.files.images.opening import open_images
from pipelines.files.raw_file import RawFile
from pipelines.files.raw_writer import write_raw_file
from pipelines.files.stored_scan import StoredScan


def contents(path, group="dataset"):
    with RawFile(path, group) as raw:
        return raw.header_xml, [item.to_bytes() for item in raw]


def test_what_is_written_is_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(pipelines.files.stored_scan, "PIECE_BYTES", 2000)
    monkeypatch.setattr(pipelines.files.raw_writer, "PIECE_BYTES", 3000)
    items = [
        raw_acquisition(line, n_samples=5 + line, n_trajectory=line % 3, scan_counter=line + 1) for line in range(40)
    ]
    items.insert(7, raw_waveform(scan_counter=8))
    path = make_raw_file(tmp_path / "raw.h5", items)
    assert contents(path) == (HEADER, [item.to_bytes() for item in items])


def test_a_real_file_survives_reading_and_writing(each_raw_file, tmp_path):
    copy = tmp_path / "copy.h5"
    with RawFile(each_raw_file) as raw:
        write_raw_file(copy, raw.header_xml, raw)
        n_headers = sum(len(heads) for heads in raw.headers(rows=100))
        assert n_headers == raw.n_acquisitions
    assert contents(copy) == contents(each_raw_file)


def test_the_ismrmrd_package_reads_what_is_written(tmp_path):
    import ismrmrd

    items = scan_items()
    path = make_raw_file(tmp_path / "raw.h5", items)
    with ismrmrd.Dataset(str(path), "dataset", create_if_needed=False) as dataset:
        assert bytes(dataset.read_xml_header()) == HEADER
        assert dataset.number_of_acquisitions() == len(items)
        np.testing.assert_array_equal(dataset.read_acquisition(3).data, items[3].data)


@pytest.mark.parametrize("n_trajectory", [0, 2])
def test_a_file_that_the_ismrmrd_package_wrote_is_read(tmp_path, n_trajectory):
    import ismrmrd

    item = raw_acquisition(3, n_trajectory=n_trajectory)
    with ismrmrd.Dataset(str(tmp_path / "raw.h5")) as dataset:
        dataset.write_xml_header(HEADER)
        dataset.append_acquisition(item.to_ismrmrd())
    assert contents(tmp_path / "raw.h5") == (HEADER, [item.to_bytes()])


def test_waveforms_stand_where_they_were_recorded(tmp_path):
    waves = [raw_waveform(scan_counter=1), raw_waveform(scan_counter=4), raw_waveform(scan_counter=99)]
    lines = [raw_acquisition(line, scan_counter=line + 1) for line in range(5)]
    path = make_raw_file(tmp_path / "raw.h5", [*lines, *waves])
    with RawFile(path) as raw:
        kinds = "".join("a" if hasattr(item, "trajectory") else "w" for item in raw)
    assert kinds == "waaawaaw"


def test_a_file_that_may_not_be_written_is_read(tmp_path):
    path = make_raw_file(tmp_path / "raw.h5")
    before = path.stat().st_mtime_ns
    path.chmod(0o444)
    assert len(contents(path)[1]) == 9
    assert path.stat().st_mtime_ns == before


def test_headers_with_fields_in_another_order_are_read(tmp_path):
    path = make_raw_file(tmp_path / "raw.h5")
    expected = contents(path)
    with h5py.File(path, "r+") as file:
        rows = file["dataset/data"][:]
        fields = rows.dtype["head"].descr
        head = np.dtype([fields[0], *fields[:0:-1]])
        dtype = np.dtype([("head", head), ("traj", rows.dtype["traj"]), ("data", rows.dtype["data"])])
        other = np.empty(len(rows), dtype)
        for name in head.names:
            other["head"][name] = rows["head"][name]
        other["traj"], other["data"] = rows["traj"], rows["data"]
        del file["dataset/data"]
        file["dataset"].create_dataset("data", data=other, maxshape=(None,))
    assert contents(path) == expected


def damage(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def set_xml(text):
    return lambda path: damage(path, lambda file: file["dataset/xml"].__setitem__(0, text))


def drop(name):
    return lambda path: damage(path, lambda file: file.__delitem__(name))


def empty(path):
    def change(file):
        dtype = file["dataset/data"].dtype
        del file["dataset/data"]
        file["dataset"].create_dataset("data", (0,), maxshape=(None,), dtype=dtype)

    damage(path, change)


def foreign(path):
    def change(file):
        del file["dataset/data"]
        file["dataset/data"] = np.zeros(5)

    damage(path, change)


def declared(name, count, chunks=None):
    def change(file):
        dtype = waveform_dtype if name == "waveforms" else acquisition_dtype
        if name in file["dataset"]:
            del file["dataset"][name]
        file["dataset"].create_dataset(name, (count,), dtype=dtype, chunks=chunks)

    return lambda path: damage(path, change)


def wrong_length(path):
    def change(file):
        row = file["dataset/data"][4]
        row["head"]["number_of_samples"] = 77
        file["dataset/data"][4] = row

    damage(path, change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda path: path.write_text("hello"), "not an HDF5 file"),
        (lambda path: path.unlink(), "no such file"),
        (cut, "truncated"),
        (set_xml(b"<ismrmrdHeader"), "not well-formed XML"),
        (set_xml(b"<other/>"), "expected an MRD header with root <ismrmrdHeader>, found another"),
        (drop("dataset/xml"), "no MRD header"),
        (drop("dataset/data"), "no acquisitions"),
        (empty, "no acquisitions"),
        (foreign, "not MRD version 1"),
        (declared("data", 10**18, (10,)), "dataset/data: 1000000000000000000 are declared, and the whole file has"),
        (declared("data", 10**7), "dataset/data: 10000000 are declared, and the whole file has"),
        (declared("waveforms", 10**12, (10,)), "dataset/waveforms: 1000000000000 are declared, and the whole"),
        (wrong_length, "acquisition 4: 2 receivers x 77 samples expected by its header"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(tmp_path, change, reason):
    path = make_raw_file(tmp_path / "raw.h5")
    change(path)
    with pytest.raises(RawDataError, match=reason) as caught:
        contents(path)
    assert str(path) in str(caught.value)


def test_a_name_that_is_no_text_is_shown_as_it_can_be(tmp_path):
    path = make_raw_file(tmp_path / "raw.h5", group="scan_1")
    damage(path, lambda file: h5py.h5g.create(file.id, b"\xff\x1b[31m"))
    for opened in (RawFile, open_images):
        with pytest.raises(RawDataError, match=r"scan_1.*udcff"):
            opened(path)
    assert RawFile(path, "scan_1").other_groups == (r"\udcff\x1b[31m",)


def test_a_missing_group_is_named_beside_those_that_exist(tmp_path):
    path = make_raw_file(tmp_path / "raw.h5", group="scan_1")
    with pytest.raises(RawDataError, match=r"no group 'dataset' \(the file has 'scan_1'\)"):
        RawFile(path)
    assert len(contents(path, "scan_1")[1]) == 9


def test_a_file_of_which_the_writing_fails_does_not_appear(tmp_path):
    def items():
        yield raw_acquisition()
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write_raw_file(tmp_path / "raw.h5", HEADER, items())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_another_program_writes_to_can_be_read(tmp_path):
    path = make_raw_file(tmp_path / "raw.h5")
    with path.open("r+b") as elsewhere:
        # What HDF5 does in a program that opens the file for writing.
        fcntl.flock(elsewhere, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert len(contents(path)[1]) == 9


def test_a_short_readout_in_front_does_not_have_many_long_ones_read_at_once(tmp_path, monkeypatch):
    items = [*scan_items(n_lines=1, n_samples=1), *scan_items(n_lines=200, n_samples=64)]
    path = make_raw_file(tmp_path / "raw.h5", items)
    pieces = []

    def read_and_note(dataset, where, start=0, stop=None):
        values = read(dataset, where, start, stop)
        if stop is not None:
            pieces.append(len(values))
        return values

    monkeypatch.setattr("pipelines.files.stored_scan.read", read_and_note)
    with StoredScan(path) as scan:
        assert len(list(scan.acquisitions())) == len(items)
    assert pieces[:3] == [1, 8, 64]


@pytest.mark.parametrize("when", ["before the samples", "among them"])
def test_a_file_that_another_one_replaces_is_not_read_as_one_scan(tmp_path, when):
    path = make_raw_file(tmp_path / "raw.h5")
    other = make_raw_file(tmp_path / "other.h5", scan_items(n_lines=4))
    expected = r"raw.h5: expected a file that stays as it is, found another while it was read"
    with RawFile(path) as raw:
        items = raw.acquisitions()
        if when == "among them":
            next(items)
        other.replace(path)
        with pytest.raises(RawDataError, match=expected):
            list(items) if when == "before the samples" else list(raw.acquisitions())


def test_a_file_that_is_removed_while_it_is_read_is_read_to_its_end(tmp_path):
    path = make_raw_file(tmp_path / "raw.h5", scan_items(n_lines=300))
    with RawFile(path) as raw:
        items = raw.acquisitions()
        next(items)
        # As an archive does that has become too large.
        path.unlink()
        assert len(list(items)) == 300
        with pytest.raises(RawDataError, match=r"raw.h5: no such file"):
            list(raw.acquisitions())


def test_a_file_that_is_written_to_while_it_is_read_is_not_one_scan(tmp_path):
    path = make_raw_file(tmp_path / "raw.h5", scan_items(n_lines=300))
    with RawFile(path) as raw:
        items = raw.acquisitions()
        next(items)
        os.utime(path, ns=(1, 1))
        with pytest.raises(RawDataError, match="found another while it was read"):
            list(items)
