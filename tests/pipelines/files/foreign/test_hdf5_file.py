"""HDF5 files of others: whatever is wrong with them is one error of ours, and nothing outside of them is opened."""

from __future__ import annotations

import os

import h5py
import numpy as np
import pytest
from helpers.raw_scans import make_raw_file, raw_waveform, scan_items

from gadgets.errors import RawDataError
from pipelines.files.foreign.hdf5_file import check_regular, has_group
from pipelines.files.foreign.hdf5_inside import find, find_dataset, read
from pipelines.files.raw_file import RawFile

NAMES = ("dataset", "dataset/xml", "dataset/data", "dataset/waveforms")


@pytest.fixture
def path(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return make_raw_file(tmp_path / "raw.h5", [*scan_items(), raw_waveform(scan_counter=3)])


def contents(path):
    with RawFile(path) as raw:
        return [item.to_bytes() for item in raw]


def put(path, name, value):
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = value(file) if callable(value) else value


OTHERS = {
    "integers": np.arange(3),
    "integer": 7,
    "text": "abc",
    "texts": np.array([b"a", b"b"]),
    "float": 0.5,
    "nothing": h5py.Empty("f4"),
    "type": np.dtype("f4"),
    "reference": lambda file: np.array([file.ref], h5py.ref_dtype),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", OTHERS)
def test_what_is_of_another_kind_is_refused(path, name, what):
    put(path, name, OTHERS[what])
    with pytest.raises(RawDataError, match=r"raw\.h5: ") as caught:
        contents(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_group_in_place_of_a_dataset_is_refused(path, name):
    put(path, name, lambda file: file.create_group("elsewhere"))
    with pytest.raises(RawDataError, match=rf"{name}: expected a dataset, found a group"):
        contents(path)


def test_a_dataset_in_place_of_the_group_is_refused(path):
    put(path, "dataset", np.arange(3))
    with pytest.raises(RawDataError, match="expected a group 'dataset', found a dataset"):
        contents(path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("link", "reason"),
    [
        (lambda folder, _: h5py.ExternalLink(str(folder / "pipe"), "/x"), "leads out of the file by a link"),
        (lambda folder, name: h5py.ExternalLink(str(folder / "raw.h5"), name), "leads out of the file by a link"),
        (lambda _, name: h5py.SoftLink(f"/{name}"), "leads from link to link without end"),
        (lambda _, name: h5py.SoftLink(name.rpartition("/")[2]), "leads from link to link without end"),
        (lambda *_: h5py.SoftLink("/nowhere"), "is a link that leads nowhere"),
        (lambda *_: h5py.SoftLink("/out/x"), "leads out of the file by a link"),
    ],
)
@pytest.mark.timeout(60)
def test_links_out_of_the_file_in_circles_or_to_nowhere_are_refused(path, name, link, reason):
    with h5py.File(path, "r+") as file:
        file["out"] = h5py.ExternalLink(str(path.parent / "pipe"), "/")
    put(path, name, link(path.parent, name))
    with pytest.raises(RawDataError, match=reason):
        contents(path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", ["/moved", "/a/./moved", "/b"])
def test_links_within_the_file_are_followed(path, name, target):
    expected = contents(path)
    with h5py.File(path, "r+") as file:
        file["a"], file["b"] = h5py.SoftLink("/"), h5py.SoftLink("a/moved")
        file.move(name, "moved")
        file[name] = h5py.SoftLink(target)
    assert contents(path) == expected


@pytest.mark.timeout(60)
def test_values_in_other_files_are_refused(path):
    pipe = str(path.parent / "pipe")
    layout = h5py.VirtualLayout((1,), "f4")
    layout[:] = h5py.VirtualSource(pipe, "x", (1,))
    with h5py.File(path, "r+") as file:
        file.create_dataset("external", (1,), "S4", external=[(pipe, 0, 4)])
        file.create_virtual_dataset("virtual", layout)
    for other in ("external", "virtual"):
        put(path, "dataset/xml", h5py.SoftLink(f"/{other}"))
        with pytest.raises(RawDataError, match="dataset/xml: expected values in this file, found links to others"):
            contents(path)


def test_a_type_that_numpy_lacks_is_refused(path):
    with h5py.File(path, "r+") as file:
        del file["dataset/xml"]
        h5py.h5d.create(file["dataset"].id, b"xml", h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple((1,)))
    with pytest.raises(RawDataError, match=r"dataset/xml cannot be read \(No NumPy equivalent"):
        contents(path)


@pytest.mark.parametrize(("shape", "chunks"), [((1 << 40,), None), ((1 << 40,), (1 << 20,)), ((1 << 31,), (1 << 31,))])
def test_what_is_declared_and_not_there_takes_no_memory(path, shape, chunks, monkeypatch):
    monkeypatch.setenv("DESPARK_MEMORY_LIMIT", "1")
    with h5py.File(path, "w") as file:
        # Nothing of it is written, and the file has a few kilobytes.
        file.create_dataset("values", shape, "u1", chunks=chunks)
    with h5py.File(path) as file, pytest.raises(RawDataError, match="expected at most 1073741824 bytes at once, found"):
        read(find_dataset(file, "values", "file"), "file")


@pytest.mark.parametrize("shape", [(), (3, 3)])
def test_rows_that_are_no_list_are_refused(path, shape):
    with h5py.File(path, "r+") as file:
        dtype = file["dataset/data"].dtype
        del file["dataset/data"]
        file["dataset"].create_dataset("data", shape, dtype=dtype)
    with pytest.raises(RawDataError, match=r"dataset/data: expected a list, found an array of shape \("):
        contents(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("pipe", "found a device or a pipe"), (".", "found a folder"), ("x" * 300, "no such file"), ("circle", "no such")],
)
def test_what_is_no_regular_file_is_not_opened(path, name, reason):
    (path.parent / "circle").symlink_to("circle")
    with pytest.raises(RawDataError, match=reason):
        check_regular(path.parent / name)


def test_a_file_of_a_terabyte_that_is_nearly_all_holes_is_neither_read_nor_copied(path):
    os.truncate(path, 1 << 40)
    with pytest.raises(RawDataError, match="expected a file that is on the disk, found 1099511627776 bytes of hardly"):
        RawFile(path)


def test_what_is_not_there_is_nothing(path):
    with h5py.File(path) as file:
        assert find(file, "dataset/none", "here") is None
        assert find(file, "dataset/data/deeper", "here") is None
        assert find(file["dataset"], "/dataset/data", "here") == file["dataset/data"]


def test_a_group_is_looked_for_in_a_process_that_can_be_ended(path, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.files.foreign.hdf5_file.open_hdf5", None)
    assert has_group(path, "dataset")
    assert not has_group(path, "images")
    (tmp_path / "text.h5").write_text("none")
    assert not has_group(tmp_path / "text.h5", "dataset")
