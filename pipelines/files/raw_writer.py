"""MRD raw files (HDF5), written piece by piece, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ismrmrd.hdf5 import acquisition_dtype, waveform_dtype

from pipelines.files.foreign import MADE_BY
from pipelines.files.hdf5_output import Hdf5Output
from pipelines.files.output_file import whole_or_nothing
from pipelines.files.raw_items import RawAcquisition, RawItem

PIECE_BYTES = 4 << 20
"""How much is held back before it goes to the file."""


class RawWriter:
    """Writes one group of an MRD raw file, piece by piece.

    Parameters
    ----------
    file
        The HDF5 file, open for writing.
    header_xml
        The MRD header, taken over byte for byte.
    group
        Name of the new group.
    made_by
        What despark did to the data, kept as an attribute of the group; nothing where it is empty.
    """

    def __init__(self, file: h5py.File, header_xml: bytes, group: str = "dataset", made_by: str = "") -> None:
        self._group = file.create_group(group)
        if made_by:
            self._group.attrs[MADE_BY] = made_by
        xml = self._group.create_dataset("xml", (1,), dtype=h5py.special_dtype(vlen=bytes))
        # Byte for byte: parsed and written again, it could lose what the parser does not know.
        xml[0] = header_xml
        self._waiting: dict[str, list[RawItem]] = {"data": [], "waveforms": []}
        self._waiting_bytes = 0
        self.n_acquisitions = 0
        self.n_waveforms = 0

    def append(self, item: RawItem) -> None:
        """Add one acquisition or waveform behind those of its kind."""
        if isinstance(item, RawAcquisition):
            self._waiting["data"].append(item)
            self.n_acquisitions += 1
        else:
            self._waiting["waveforms"].append(item)
            self.n_waveforms += 1
        # Counted in bytes, as rows of one scan may hold few samples and those of another many.
        self._waiting_bytes += item.data.nbytes + len(item.header)
        if self._waiting_bytes >= PIECE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is still held back."""
        for name, items in self._waiting.items():
            if items:
                _append_rows(self._group, name, acquisition_dtype if name == "data" else waveform_dtype, items)
                items.clear()
        self._waiting_bytes = 0


def write_raw_file(path: Path, header_xml: bytes, items: Iterable[RawItem], group: str = "dataset") -> None:
    """Write an MRD raw file; it appears under its name when all items are in it.

    Raises
    ------
    RawDataError
        The file cannot be written.
    """
    with whole_or_nothing(path) as temporary, Hdf5Output(temporary) as output:
        writer = RawWriter(output.file, header_xml, group)
        for item in items:
            writer.append(item)
            output.check()
        writer.flush()


def _append_rows(group: h5py.Group, name: str, dtype: np.dtype[Any], items: list[RawItem]) -> None:
    rows = np.empty(len(items), dtype=dtype)
    for row, item in zip(rows, items, strict=True):
        row["head"] = item.fields
        if isinstance(item, RawAcquisition):
            row["traj"] = item.trajectory.reshape(-1)
            # MRD stores samples as pairs of float32 in a list of variable length.
            row["data"] = np.ascontiguousarray(item.data).reshape(-1).view(np.float32)
        else:
            row["data"] = item.data.reshape(-1)
    if name not in group:
        # One row per chunk, as the ISMRMRD library itself writes.
        group.create_dataset(name, (0,), maxshape=(None,), chunks=(1,), dtype=dtype)
    dataset = group[name]
    start = len(dataset)
    dataset.resize(start + len(rows), axis=0)
    dataset[start:] = rows
