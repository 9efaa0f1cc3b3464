"""What an MRD raw file (HDF5) holds, read in pieces and without ever writing to it.

:mod:`pipelines.files.raw_file` does so in a process of its own. The ``ismrmrd`` package's ``Dataset`` opens files
read-write, so a file on read-only media fails there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype, waveform_header_dtype
from numpy.typing import NDArray

from gadgets.errors import RawDataError
from pipelines.files.foreign import as_headers, as_numbers, made_by, names_in, number_type, open_hdf5, read
from pipelines.files.raw_items import RawAcquisition, RawItem, RawWaveform, acquisition_shape
from pipelines.files.stored_layout import find_group, find_rows, read_xml

PIECE_BYTES = 4 << 20
"""How much of a file is held at a time while it is read."""

GROWTH = 8
"""So many times more rows are read at once than the time before, at most."""

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
            self._group = find_group(self._file, group, self.path)
            self.group = group
            self.header_xml = read_xml(self._group, self.path)
            floats = {"data": FLOAT32, "traj": FLOAT32}
            data = find_rows(self._group, "data", self.path, acquisition_header_dtype, floats)
            self._waveforms = find_rows(self._group, "waveforms", self.path, waveform_header_dtype, {"data": UINT32})
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
        types = _types(self._data, "data", "traj")
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
        types = _types(self._waveforms, "data")
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


def _types(dataset: h5py.Dataset, *fields: str) -> dict[str, np.dtype[Any]]:
    """Give the types of the numbers in the file; looked up once, as that is slow."""
    dtype = dataset.dtype
    return {field: stored for field in fields if (stored := number_type(dtype[field])) is not None}


def _belongs_before(waveform: RawWaveform, acquisition: RawAcquisition) -> bool:
    """Whether a waveform was recorded before an acquisition: by scan counter, else by time stamp."""
    counter = int(waveform.fields["scan_counter"])
    if counter:
        return counter <= int(acquisition.fields["scan_counter"])
    return int(waveform.fields["time_stamp"]) <= int(acquisition.fields["acquisition_time_stamp"])
