"""What an MRD raw file (HDF5) holds, read in pieces and without ever writing to it.

:mod:`pipelines.files.raw_file` does so in a process of its own. The ``ismrmrd`` package's ``Dataset`` opens files
read-write, so a file on read-only media fails there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype, waveform_header_dtype
from numpy.typing import NDArray

from gadgets.errors import RawDataError
from pipelines.files.hdf5_file import find, find_dataset, made_by, names_in, open_hdf5, read
from pipelines.files.other_kinds import image_hint
from pipelines.files.raw_items import RawAcquisition, RawItem, RawWaveform, acquisition_shape
from pipelines.files.stored_numbers import as_headers, as_numbers, misfits, number_type

PIECE_BYTES = 4 << 20
"""How much of a file is held at a time while it is read or written."""

GROWTH = 8
"""So many times more rows are read at once than the time before, at most."""

logger = logging.getLogger(__name__)

FLOAT32, UINT32 = np.dtype(np.float32), np.dtype(np.uint32)


class StoredScan:
    """An MRD raw file, open in this process.

    Parameters
    ----------
    path
        The HDF5 file.
    group
        The group that holds ``xml``, ``data`` and, where there are any, ``waveforms``.
    stored
        What was made of the file, where it is of another kind.

    Raises
    ------
    RawDataError
        The file is missing, not HDF5, truncated, without that group, or without acquisitions.
    """

    def __init__(self, path: Path | str, group: str = "dataset", stored: Path | None = None) -> None:
        self.path = Path(path)
        self._file = open_hdf5(stored or self.path)
        try:
            self._group = self._find(group)
            self.group = group
            self.header_xml = self._read_xml()
            data = self._find_rows("data", acquisition_header_dtype, {"data": FLOAT32, "traj": FLOAT32})
            self._waveforms = self._find_rows("waveforms", waveform_header_dtype, {"data": UINT32})
            if data is None or not len(data):
                raise RawDataError(f"{self.path}: group {group!r} holds no acquisitions")
            self._data: h5py.Dataset = data
        # Whatever ends the opening, Ctrl-C too: nobody else could close the file.
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> StoredScan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def other_groups(self) -> tuple[str, ...]:
        """What else the file holds beside the group that is read."""
        # By its first part: a group may lie inside another one.
        own = self.group.strip("/").split("/")[0]
        return tuple(name for name in names_in(self._file, str(self.path)) if name != own)

    @property
    def made_by(self) -> str:
        """What despark did to the data before; empty where it left no mark."""
        return made_by(self._group)

    @property
    def n_acquisitions(self) -> int:
        """Number of acquisitions, imaging or not."""
        return len(self._data)

    @property
    def n_waveforms(self) -> int:
        """Number of waveforms."""
        return 0 if self._waveforms is None else len(self._waveforms)

    def headers(self, rows: int = 4096) -> Iterator[NDArray[np.void]]:
        """Give the acquisition headers alone, as structured arrays of up to ``rows`` each."""
        for start in range(0, self.n_acquisitions, rows):
            # Without the samples, which are most of the file.
            heads = read(self._data.fields("head"), str(self.path), start, start + rows)
            yield as_headers(heads, acquisition_header_dtype, f"{self.path}: acquisition", start)

    def acquisitions(self) -> Iterator[RawAcquisition]:
        """Give the acquisitions in the order of the file."""
        types = self._types(self._data, "data", "traj")
        for number, (head, row) in enumerate(self._rows(self._data, acquisition_header_dtype, "acquisition")):
            samples, coils, dimensions = acquisition_shape(head)
            where = f"{self.path}: acquisition {number}"
            what = f"{where}: {coils} receivers x {samples} samples"
            data = as_numbers(row["data"], types["data"], FLOAT32, 2 * coils * samples, what)
            what = f"{where}: trajectory of {samples} x {dimensions}"
            trajectory = as_numbers(row["traj"], types["traj"], FLOAT32, samples * dimensions, what)
            yield RawAcquisition(
                head.tobytes(), trajectory.reshape(samples, dimensions), data.view(np.complex64).reshape(coils, samples)
            )

    def waveforms(self) -> Iterator[RawWaveform]:
        """Give the waveforms in the order of the file."""
        if self._waveforms is None:
            return
        types = self._types(self._waveforms, "data")
        for number, (head, row) in enumerate(self._rows(self._waveforms, waveform_header_dtype, "waveform")):
            shape = int(head["channels"]), int(head["number_of_samples"])
            where = f"{self.path}: waveform {number}: {shape[0]} channels x {shape[1]} samples"
            data = as_numbers(row["data"], types["data"], UINT32, shape[0] * shape[1], where)
            yield RawWaveform(head.tobytes(), data.reshape(shape))

    def __iter__(self) -> Iterator[RawItem]:
        """Give acquisitions and waveforms in the order of the scan."""
        # A file keeps acquisitions and waveforms apart; a scanner sends them as they were recorded.
        waveforms = self.waveforms()
        waveform = next(waveforms, None)
        for acquisition in self.acquisitions():
            while waveform is not None and _belongs_before(waveform, acquisition):
                yield waveform
                waveform = next(waveforms, None)
            yield acquisition
        if waveform is not None:
            yield waveform
        yield from waveforms

    def _find(self, name: str) -> h5py.Group:
        found = find(self._file, name, str(self.path))
        if found is None:
            names = names_in(self._file, str(self.path))
            existing = ", ".join(f"'{each}'" for each in names) or "none"
            raise RawDataError(f"{self.path}: no group {name!r} (the file has {existing}){image_hint(names)}")
        if not isinstance(found, h5py.Group):
            raise RawDataError(f"{self.path}: expected a group {name!r}, found a {type(found).__name__.lower()}")
        return found

    def _read_xml(self) -> bytes:
        dataset = find_dataset(self._group, "xml", str(self.path))
        if dataset is None or not dataset.size:
            raise RawDataError(f"{self.path}: group {self.group!r} holds no MRD header (dataset 'xml')")
        if dataset.size > 1:
            # Whoever appends scans to a file would have the first header believed for all of them.
            raise RawDataError(f"{self.path}: {self.group}/xml: expected one MRD header, found {dataset.size}")
        value = np.asarray(read(dataset, str(self.path))).reshape(-1)[0]
        if not isinstance(value, str | bytes):
            kind = dataset.dtype.name if isinstance(value, np.generic) else type(value).__name__
            raise RawDataError(f"{self.path}: {self.group}/xml: expected the text of the MRD header, found {kind}")
        return value.encode(errors="surrogateescape") if isinstance(value, str) else bytes(value)

    def _find_rows(
        self, name: str, header_dtype: np.dtype[Any], wanted: Mapping[str, np.dtype[Any]]
    ) -> h5py.Dataset | None:
        dataset = find_dataset(self._group, name, str(self.path))
        if dataset is None:
            return None
        where, fields = f"{self.path}: {self.group}/{name}", dataset.dtype.names or ()
        if "head" not in fields or (lacking := misfits(dataset.dtype["head"], header_dtype)):
            what = "head" if "head" not in fields else ", ".join(sorted(lacking))
            raise RawDataError(f"{where} is not MRD version 1 (missing or of another kind: {what})")
        if dataset.ndim != 1:
            raise RawDataError(f"{where}: expected a list, found an array of shape {dataset.shape}")
        # What is not stored reads as zeros, of any number; what is takes some bytes each, however well it is packed.
        n_rows, n_bytes = int(dataset.shape[0]), int(self._file.id.get_filesize())
        if n_rows > n_bytes:
            raise RawDataError(f"{where}: {n_rows} are declared, and the whole file has {n_bytes} bytes")
        for field, dtype in wanted.items():
            stored = number_type(dataset.dtype[field]) if field in fields else None
            if stored is None:
                raise RawDataError(f"{where} is not MRD version 1 (no numbers in {field})")
            if stored != dtype:
                logger.info("%s: %s stored as %s, read and passed on as %s", where, field, stored.str, dtype.name)
        return dataset

    def _types(self, dataset: h5py.Dataset, *fields: str) -> dict[str, np.dtype[Any]]:
        """Give the types of the numbers in the file; looked up once, as that is slow."""
        dtype = dataset.dtype
        return {field: stored for field in fields if (stored := number_type(dtype[field])) is not None}

    def _rows(self, dataset: h5py.Dataset, header_dtype: np.dtype[Any], what: str) -> Iterator[tuple[np.void, np.void]]:
        # One row first: how large rows of variable length are is known once one is read.
        start, count = 0, 1
        while start < len(dataset):
            rows = read(dataset, str(self.path), start, start + count)
            heads = as_headers(rows["head"], header_dtype, f"{self.path}: {what}", start)
            yield from zip(heads, rows, strict=True)
            start += len(rows)
            # Rows differ in length, and there has to be memory for as many of the longest; a few short ones, as some
            # scans begin with, say little of those that follow.
            row_bytes = max(row["data"].nbytes for row in rows) + dataset.dtype.itemsize
            count = min(GROWTH * count, max(1, PIECE_BYTES // row_bytes))


def _belongs_before(waveform: RawWaveform, acquisition: RawAcquisition) -> bool:
    """Whether a waveform was recorded before an acquisition: by scan counter, else by time stamp."""
    counter = int(waveform.fields["scan_counter"])
    if counter:
        return counter <= int(acquisition.fields["scan_counter"])
    return int(waveform.fields["time_stamp"]) <= int(acquisition.fields["acquisition_time_stamp"])
