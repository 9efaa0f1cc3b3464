"""The k-spaces of a raw file, assembled as the nodes assemble them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gadgets.errors import RawDataError
from gadgets.kspace import AcquiredKSpace, Readout, assemble, is_imaging
from gadgets.wire import Acquisition, encodings_of
from pipelines.files.raw_file import RawFile


def read_kspaces(path: Path, group: str = "dataset") -> Iterator[AcquiredKSpace]:
    """Give the k-spaces of a raw file, each as soon as it is complete.

    The ``source`` of a readout is the number of its acquisition in the file.

    Raises
    ------
    RawDataError
        The file cannot be read, or holds no imaging data.
    """
    n_kspaces = 0
    with RawFile(path, group) as raw:
        for acquired in assemble(_imaging_readouts(raw), encodings_of(raw.header)):
            n_kspaces += 1
            yield acquired
    if not n_kspaces:
        raise RawDataError(f"{path}: group {group!r} holds no imaging readouts")


def _imaging_readouts(raw: RawFile) -> Iterator[Readout]:
    for number, item in enumerate(raw.acquisitions()):
        # As if it had come on the wire, so that a file and a scan are read by the same code.
        acquisition = Acquisition(item.header, item.trajectory.tobytes(), item.data.tobytes())
        if is_imaging(acquisition.fields.flags):
            yield acquisition.readout(source=number)
