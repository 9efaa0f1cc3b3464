"""Siemens raw files (``.dat``, "twix"), turned into MRD with the help of twixtools, which the extra ``siemens`` brings.

Nothing is dropped but what is no readout (SYNCDATA); samples are kept as they are. Directions are named as Siemens' own
quaternions name them, in the order in which siemens_to_ismrmrd reads them. All of it was tried on files that the tests
write, as no file of a scanner was at hand.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from gadgets.errors import DesparkError, RawDataError
from pipelines.files.foreign import OFTEN, go_on, in_child
from pipelines.files.output_file import scratch_folder
from pipelines.files.raw_writer import write_raw_file
from pipelines.files.siemens.header import Extent, Protocol, header_xml
from pipelines.files.siemens.readouts import acquisition

logger = logging.getLogger(__name__)

ENDING = ".dat"
SMALLEST_READOUT = 128
"""Bytes that the shortest header has; fewer are what fills the file up."""

VB_FROM = 10000
"""The first number of a file from which on it is of the older software, VB: the length of its header."""

FAILURES = (AttributeError, EOFError, IndexError, KeyError, OSError, OverflowError, TypeError, ValueError, struct.error)
"""What twixtools raises, depending on what is damaged."""


@dataclass(frozen=True)
class _Measurement:
    """The protocol of a measurement, and from which byte to which its readouts lie."""

    protocol: Protocol
    start: int
    end: int
    is_ve: bool


def as_mrd(path: Path, stack: ExitStack) -> Path:
    """Give a file as it is, or the MRD file that a Siemens raw file was turned into.

    Parameters
    ----------
    stack
        Removes the MRD file in the end.

    Raises
    ------
    DesparkError
        twixtools is not installed.
    RawDataError
        The file is damaged, is not what its name says, or holds no readout.
    """
    if path.suffix.lower() != ENDING or not path.is_file() or h5py.is_hdf5(path):
        return path
    target = stack.enter_context(scratch_folder()) / "scan.h5"
    logger.info("%s: turned into MRD", path.name)
    # What is damaged may keep the library busy for ever, here as elsewhere.
    list(in_child(partial(_nothing_but_written, path, target), str(path), [path]))
    return target


def _nothing_but_written(source: Path, target: Path) -> Iterator[None]:
    write_as_mrd(source, target)
    return iter(())


def write_as_mrd(source: Path, target: Path) -> None:
    """Write the last measurement of a file, which is the scan itself, as an MRD raw file.

    Raises
    ------
    DesparkError
        twixtools is not installed.
    RawDataError
        The file is damaged, is not what its name says, or holds no readout.
    """
    _check_twixtools(source)
    try:
        # It says on standard output what it stumbles over, which belongs to the result of a command.
        with contextlib.redirect_stdout(io.StringIO()), source.open("rb") as file:
            measurement = _measurement(file, source)
            # Twice through the file: the header comes first, and needs to know what the readouts span.
            extent = Extent()
            for block in _blocks(measurement, file, source):
                extent.add(block)
            if not extent.n_readouts:
                raise RawDataError(f"{source}: expected readouts, found none")
            readouts = (acquisition(block) for block in _blocks(measurement, file, source))
            write_raw_file(target, header_xml(measurement.protocol, extent), readouts)
    except FAILURES as error:
        reason = f"{type(error).__name__}: {error}"
        raise RawDataError(f"{source}: not a readable Siemens raw file ({reason})") from error


def _check_twixtools(source: Path) -> None:
    try:
        importlib.import_module("twixtools")
    except ImportError as error:
        raise DesparkError(
            f"{source}: reading Siemens raw files needs twixtools, which is not installed: "
            f'pip install "despark[siemens]"; or convert the file with siemens_to_ismrmrd'
        ) from error


def _measurement(file: BinaryIO, source: Path) -> _Measurement:
    """Find the last measurement of a file; those before it are adjustments."""
    from twixtools import hdr_def, twixprot

    size = os.fstat(file.fileno()).st_size
    first, count = struct.unpack("<II", file.read(8).ljust(8, b"\0"))
    is_ve, start, end = first < VB_FROM and count <= hdr_def.max_raidfile_entries, 0, size
    if size <= (hdr_def.MultiRaidFileHeader.itemsize if is_ve else first):
        raise RawDataError(f"{source}: expected a Siemens raw file, found {size} bytes, fewer than its header has")
    if is_ve:
        file.seek(0)
        table = np.frombuffer(file.read(hdr_def.MultiRaidFileHeader.itemsize), hdr_def.MultiRaidFileHeader)[0]
        entry = table["entry"][count - 1]
        start = int(entry["off_"])
        if not count or not hdr_def.MultiRaidFileHeader.itemsize <= start < size:
            raise RawDataError(f"{source}: damaged: of its {count} measurements the last begins at byte {start}")
        # Some files of one measurement leave its length out.
        end = min(start + int(entry["len_"]), size) if entry["len_"] else size
    file.seek(start)
    n_header = int(np.frombuffer(file.read(4), "<u4")[0])
    file.seek(start)
    return _Measurement(twixprot.parse_twix_hdr(file), start + n_header, end, is_ve)


def _blocks(measurement: _Measurement, file: BinaryIO, source: Path) -> Iterator[Any]:
    """Give the readouts one by one; by hand, as twixtools would never end on some damaged files."""
    from twixtools.mdb import Mdb

    place, n_blocks = measurement.start, 0
    while place + SMALLEST_READOUT < measurement.end:
        if (n_blocks := n_blocks + 1) % OFTEN == 0:
            go_on()
        file.seek(place)
        block = Mdb(file, measurement.is_ve)
        if block.is_flag_set("ACQEND"):
            return
        n_bytes = int(block.dma_len)
        if n_bytes < SMALLEST_READOUT or place + n_bytes > measurement.end:
            raise RawDataError(f"{source}: damaged or truncated at byte {place}: a readout of {n_bytes} bytes")
        # Synchronisation data lie among the readouts, and hold no samples.
        if not block.is_flag_set("SYNCDATA"):
            yield block
        place += n_bytes
    raise RawDataError(f"{source}: truncated: it ends without the mark of its end")
