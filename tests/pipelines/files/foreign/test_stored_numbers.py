"""Numbers of any stored type and byte order come out as the types of MRD with their values, or are refused."""

from __future__ import annotations

import logging
from dataclasses import replace

import h5py
import numpy as np
import pytest
from helpers.raw_scans import make_raw_file, raw_acquisition, raw_waveform

from gadgets.errors import RawDataError
from pipelines.files.raw_file import RawFile
from pipelines.files.raw_writer import write_raw_file

KINDS = [order + kind for order in "<>" for kind in ("f4", "f8", "f16", "i2", "i4", "i8", "u4", "u8")]


def whole_items():
    """Readouts and a waveform of small whole numbers, which every type can hold."""
    items = []
    for line in range(3):
        item = raw_acquisition(line, n_trajectory=2, scan_counter=line + 1)
        n_coils, n_samples = item.data.shape
        data = np.arange(2 * n_coils * n_samples, dtype=np.float32).view(np.complex64).reshape(n_coils, n_samples)
        trajectory = np.arange(item.trajectory.size, dtype=np.float32).reshape(item.trajectory.shape)
        items.append(replace(item, data=data, trajectory=trajectory))
    return [*items, raw_waveform(scan_counter=2)]


def store(path, name, head=None, change=None, **kinds):
    """Store the rows of a dataset again, their fields as other types."""
    with h5py.File(path, "r+") as file:
        rows = file[f"dataset/{name}"][:]
        types = {"head": rows.dtype["head"] if head is None else head}
        given = {field: np.dtype(kinds.get(field, rows[0][field].dtype)) for field in rows.dtype.names[1:]}
        types |= {field: h5py.vlen_dtype(kind) for field, kind in given.items()}
        dtype = np.dtype(list(types.items()))
        del file[f"dataset/{name}"]
        dataset = file["dataset"].create_dataset(name, (len(rows),), dtype=dtype)
        for number, row in enumerate(rows):
            other = np.zeros(1, dtype)[0]
            copy_fields(other["head"], row["head"])
            for field, kind in given.items():
                other[field] = as_kind(row[field], kind)
            if change is not None:
                change(number, other)
            dataset[number] = other


def as_kind(values, kind):
    if kind.kind == "c":
        return values.view(np.complex64).astype(kind)
    return values.astype(kind) if kind.names is None else values.astype(kind[0]).view(kind)


def copy_fields(target, source):
    for name in source.dtype.names:
        if source.dtype[name].names:
            copy_fields(target[name], source[name])
        else:
            target[name] = source[name]


def with_order(dtype, order):
    """Give the type of a header with its numbers in another byte order."""
    return np.dtype(
        [
            (name, with_order(dtype[name], order))
            if dtype[name].names
            else (name, dtype[name].base.newbyteorder(order), dtype[name].shape)
            for name in dtype.names
        ]
    )


def contents(path):
    with RawFile(path) as raw:
        return [item.to_bytes() for item in raw]


@pytest.fixture
def path(tmp_path):
    return make_raw_file(tmp_path / "raw.h5", whole_items())


@pytest.mark.parametrize("kind", [*KINDS, "<c8", ">c8", "<c16", ">c16"])
def test_samples_of_every_type_come_out_as_they_are(path, kind):
    expected = contents(path)
    store(path, "data", data=kind)
    assert contents(path) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_trajectories_and_waveforms_of_every_type_come_out_as_they_are(path, kind):
    expected = contents(path)
    store(path, "data", traj=kind)
    store(path, "waveforms", data=kind)
    assert contents(path) == expected


@pytest.mark.parametrize("kind", [">i2", "<i2", ">f4"])
@pytest.mark.parametrize("names", [("real", "imag"), ("r", "i")])
def test_samples_stored_as_pairs_come_out_as_they_are(path, kind, names):
    expected = contents(path)
    store(path, "data", data=np.dtype([(name, kind) for name in names]))
    assert contents(path) == expected


@pytest.mark.parametrize("name", ["data", "waveforms"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_headers_of_either_byte_order_come_out_as_they_are(path, name, order):
    expected = contents(path)
    with h5py.File(path) as file:
        head = with_order(file[f"dataset/{name}"].dtype["head"], order)
    store(path, name, head, data=">f4" if name == "data" else ">u4")
    assert contents(path) == expected
    with RawFile(path) as raw:
        heads = b"".join(each.tobytes() for each in raw.headers(rows=2))
        assert heads == b"".join(item.header for item in raw.acquisitions())


def test_values_that_are_no_numbers_come_out_as_they_are(path):
    store(path, "data", data=">f8", change=lambda _, row: row["data"].__setitem__(3, np.nan))
    with RawFile(path) as raw:
        assert all(np.isnan(item.data.view(np.float32)[0, 3]) for item in raw.acquisitions())


def put(field, place, value):
    def change(number, row):
        if number == 1:
            values = row[field].copy()
            values[place] = value
            row[field] = values

    return change


@pytest.mark.parametrize(
    ("name", "kinds", "change", "reason"),
    [
        (
            "data",
            {"data": "<i4"},
            put("data", 5, 2**24 + 1),
            r"acquisition 1: .*float32 .* 16777217 \(int32\) as number 5",
        ),
        ("data", {"data": "<i8"}, put("data", 5, 2**63 - 1), r"found 9223372036854775807 \(int64\) as number 5"),
        ("data", {"data": "<u8"}, put("data", 5, 2**64 - 1), r"found 18446744073709551615 \(uint64\) as number 5"),
        ("data", {"data": "<f8"}, put("data", 7, 0.1), r"acquisition 1: .* found 0.1 \(float64\) as number 7"),
        ("data", {"data": "<f8"}, put("data", 7, 1e300), r"found 1e\+300 \(float64\) as number 7"),
        ("data", {"traj": "<f8"}, put("traj", 2, 1e-60), r"acquisition 1: trajectory .* found 1e-60 .* as number 2"),
        ("waveforms", {"data": "<i4"}, lambda _, row: put("data", 0, -1)(1, row), r"waveform 0: .*uint32 .* found -1"),
        ("waveforms", {"data": "<f4"}, lambda _, row: put("data", 0, 1.5)(1, row), r"uint32 .* found 1.5 \(float32\)"),
        ("waveforms", {"data": "<f4"}, lambda _, row: put("data", 0, np.nan)(1, row), r"uint32 .* found nan"),
        ("waveforms", {"data": "<u8"}, lambda _, row: put("data", 0, 2**32)(1, row), r"uint32 .* found 4294967296"),
    ],
)
def test_a_value_that_does_not_survive_is_refused_with_its_place(path, name, kinds, change, reason):
    store(path, name, change=change, **kinds)
    with pytest.raises(RawDataError, match=reason):
        contents(path)


@pytest.mark.parametrize(
    ("field", "kind", "value"),
    [("scan_counter", "<i8", -1), ("number_of_samples", ">u4", 70000), ("position", "<f8", 0.1)],
)
def test_a_header_field_that_does_not_survive_is_refused_with_its_place(path, field, kind, value):
    with h5py.File(path) as file:
        native = file["dataset/data"].dtype["head"]
    head = np.dtype(
        [(name, *((kind, native[name].shape) if name == field else (native[name],))) for name in native.names]
    )
    store(path, "data", head, lambda number, row: number == 2 and row["head"].__setitem__(field, value))
    with pytest.raises(RawDataError, match=rf"acquisition 2: .*found {value} .* as {field} of its header"):
        contents(path)
    with pytest.raises(RawDataError, match=rf"acquisition 2: .*as {field} of its header"), RawFile(path) as raw:
        list(raw.headers(rows=2))


@pytest.mark.parametrize(
    ("field", "kind"), [("data", "S4"), ("data", bool), ("traj", "V3"), ("data", [("imag", "f4"), ("real", "f4")])]
)
def test_what_is_no_number_is_refused(path, field, kind):
    with h5py.File(path, "r+") as file:
        other = {"data": "f4", "traj": "f4"} | {field: np.dtype(kind)}
        head = file["dataset/data"].dtype["head"]
        del file["dataset/data"]
        dtype = np.dtype([("head", head), *((name, h5py.vlen_dtype(np.dtype(each))) for name, each in other.items())])
        file["dataset"].create_dataset("data", (2,), dtype=dtype)
    with pytest.raises(RawDataError, match=rf"dataset/data is not MRD version 1 \(no numbers in {field}\)"):
        RawFile(path)


@pytest.mark.parametrize("kind", ["S4", ("u4", (2,)), h5py.string_dtype()])
def test_header_fields_of_another_kind_are_named(path, kind):
    with h5py.File(path, "r+") as file:
        native = file["dataset/data"].dtype["head"]
        head = np.dtype([(name, kind if name == "scan_counter" else native[name]) for name in native.names])
        del file["dataset/data"]
        numbers = h5py.vlen_dtype(np.dtype("f4"))
        dtype = np.dtype([("head", head), ("traj", numbers), ("data", numbers)])
        file["dataset"].create_dataset("data", (2,), dtype=dtype)
    with pytest.raises(RawDataError, match=r"missing or of another kind: scan_counter\)"):
        RawFile(path)


def test_which_type_comes_out_is_said(path, caplog):
    store(path, "data", data=">i4")
    with caplog.at_level(logging.INFO), RawFile(path):
        pass
    assert "dataset/data: data stored as >i4, read and passed on as float32" in caplog.text


def test_what_was_read_is_written_in_the_types_of_mrd(path, tmp_path):
    expected = contents(path)
    store(path, "data", data=">f4", traj=">f8")
    with RawFile(path) as raw:
        write_raw_file(tmp_path / "out.h5", raw.header_xml, raw)
    with h5py.File(tmp_path / "out.h5") as file:
        assert h5py.check_vlen_dtype(file["dataset/data"].dtype["data"]) == np.float32
    assert contents(tmp_path / "out.h5") == expected
