"""MRD raw files (HDF5), read in pieces and without ever writing to them.

::

    with RawFile(path) as raw:
        for item in raw:        # RawAcquisition or RawWaveform, in the order of the scan
            …
The ``ismrmrd`` package's own ``Dataset`` opens files read-write, so a file on read-only media fails there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import h5py
import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype, waveform_header_dtype
from numpy.typing import NDArray

from gadgets.errors import RawDataError
from pipelines.files.mrd_header import read_header
from pipelines.files.raw_items import RawAcquisition, RawItem, RawWaveform, acquisition_shape

PIECE_BYTES = 4 << 20
"""How much of a file is held at a time while it is read or written."""


ScalarT = TypeVar("ScalarT", bound=np.generic)


class RawFile:
    """An MRD raw file, open for reading.

    Parameters
    ----------
    path
        The HDF5 file.
    group
        The group that holds ``xml``, ``data`` and, where there are any, ``waveforms``.

    Raises
    ------
    RawDataError
        The file is missing, not HDF5, truncated, without that group, without acquisitions, or its header
        does not parse.
    """

    def __init__(self, path: Path | str, group: str = "dataset") -> None:
        self.path = Path(path)
        self._file = _open(self.path)
        try:
            self._group = self._find(group)
            self.group = group
            self.header_xml = self._read_xml()
            self.header = read_header(self.header_xml, str(self.path))
            data = self._find_rows("data", acquisition_header_dtype)
            self._waveforms = self._find_rows("waveforms", waveform_header_dtype)
            if data is None or not len(data):
                raise RawDataError(f"{self.path}: group {group!r} holds no acquisitions")
            self._data: h5py.Dataset = data
        # Whatever ends the opening, Ctrl-C too: nobody else could close the file.
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> RawFile:
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
        return tuple(name for name in self._file if name != self.group.strip("/").split("/")[0])

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
            heads = self._read(self._data.fields("head"), start, start + rows)
            yield _as_dtype(heads, acquisition_header_dtype)

    def acquisitions(self) -> Iterator[RawAcquisition]:
        """Give the acquisitions in the order of the file."""
        for number, (head, row) in enumerate(self._rows(self._data, acquisition_header_dtype)):
            samples, coils, dimensions = acquisition_shape(head)
            where = f"{self.path}: acquisition {number}"
            data = _values(
                row["data"], np.complex64, coils * samples, f"{where}: {coils} receivers x {samples} samples"
            )
            trajectory = _values(
                row["traj"], np.float32, samples * dimensions, f"{where}: trajectory of {samples} x {dimensions}"
            )
            yield RawAcquisition(head.tobytes(), trajectory.reshape(samples, dimensions), data.reshape(coils, samples))

    def waveforms(self) -> Iterator[RawWaveform]:
        """Give the waveforms in the order of the file."""
        if self._waveforms is None:
            return
        for number, (head, row) in enumerate(self._rows(self._waveforms, waveform_header_dtype)):
            shape = int(head["channels"]), int(head["number_of_samples"])
            where = f"{self.path}: waveform {number}: {shape[0]} channels x {shape[1]} samples"
            yield RawWaveform(
                head.tobytes(), _values(row["data"], np.uint32, shape[0] * shape[1], where).reshape(shape)
            )

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
        found = self._file.get(name)
        if not isinstance(found, h5py.Group):
            existing = ", ".join(repr(key) for key in self._file) or "none"
            raise RawDataError(f"{self.path}: no group {name!r} (the file has {existing})")
        return found

    def _read_xml(self) -> bytes:
        dataset = self._group.get("xml")
        if not isinstance(dataset, h5py.Dataset) or dataset.size != 1:
            raise RawDataError(f"{self.path}: group {self.group!r} holds no MRD header (dataset 'xml')")
        value = np.asarray(self._read(dataset)).reshape(-1)[0]
        return value.encode() if isinstance(value, str) else bytes(value)

    def _find_rows(self, name: str, header_dtype: np.dtype[Any]) -> h5py.Dataset | None:
        dataset = self._group.get(name)
        if dataset is None:
            return None
        fields = dataset.dtype["head"].names if "head" in (dataset.dtype.names or ()) else None
        # By names, not by layout: other writers arrange the same fields differently.
        missing = set(header_dtype.names or ()) - set(fields or ())
        if missing:
            raise RawDataError(
                f"{self.path}: {self.group}/{name} is not MRD version 1 (no {', '.join(sorted(missing))})"
            )
        return dataset

    def _rows(self, dataset: h5py.Dataset, header_dtype: np.dtype[Any]) -> Iterator[tuple[np.void, np.void]]:
        # The first row alone tells how large rows are, and so how many make a piece.
        start, count = 0, 1
        while start < len(dataset):
            rows = self._read(dataset, start, start + count)
            yield from zip(_as_dtype(rows["head"], header_dtype), rows, strict=True)
            start += len(rows)
            row_bytes = max(row["data"].nbytes for row in rows) + dataset.dtype.itemsize
            count = max(1, PIECE_BYTES // row_bytes)

    def _read(self, dataset: h5py.Dataset, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        try:
            values: NDArray[Any] = dataset[()] if stop is None else dataset[start:stop]
        except (OSError, ValueError, RuntimeError) as error:
            raise RawDataError(f"{self.path}: damaged from element {start} on ({error})") from error
        return values


def _open(path: Path) -> h5py.File:
    if not path.is_file():
        raise RawDataError(f"{path}: no such file")
    if not os.access(path, os.R_OK):
        raise RawDataError(f"{path}: may not be read (permission denied)")
    try:
        if not h5py.is_hdf5(path):
            raise RawDataError(f"{path}: not an HDF5 file")
        # Without a lock: a file that another program has open for writing can be read, and is never waited for.
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        reason = "the file is truncated" if "truncated" in str(error) else str(error)
        raise RawDataError(f"{path}: cannot be read ({reason})") from error


def _as_dtype(heads: NDArray[np.void], dtype: np.dtype[Any]) -> NDArray[np.void]:
    """Bring headers to MRD's own layout; other writers may have arranged the same fields differently."""
    if heads.dtype == dtype:
        return heads
    converted = np.zeros(len(heads), dtype=dtype)
    for name in dtype.names or ():
        converted[name] = heads[name] if dtype[name].names is None else _as_dtype(heads[name], dtype[name])
    return converted


def _values(values: NDArray[Any], dtype: type[ScalarT], count: int, where: str) -> NDArray[ScalarT]:
    flat = np.ascontiguousarray(values)
    if flat.nbytes != count * np.dtype(dtype).itemsize:
        raise RawDataError(
            f"{where} expected by its header ({count * np.dtype(dtype).itemsize} bytes), found {flat.nbytes} bytes"
        )
    return flat.view(dtype)


def _belongs_before(waveform: RawWaveform, acquisition: RawAcquisition) -> bool:
    """Whether a waveform was recorded before an acquisition: by scan counter, else by time stamp."""
    counter = int(waveform.fields["scan_counter"])
    if counter:
        return counter <= int(acquisition.fields["scan_counter"])
    return int(waveform.fields["time_stamp"]) <= int(acquisition.fields["acquisition_time_stamp"])
