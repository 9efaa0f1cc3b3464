"""Files of others, HDF5 and all else: opened so that whatever is wrong ends in one line that says what and where."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import h5py

from gadgets.errors import RawDataError
from pipelines.files.foreign.child import UNPACKED, in_child
from pipelines.files.foreign.hdf5_inside import FAILURES, find, reason_of
from pipelines.files.foreign.other_kinds import hint

MOST_HOLES, BLOCK_BYTES = 1 << 30, 512
"""A smaller file may have as many as it likes; and what `stat` counts in."""


def open_hdf5(path: Path) -> h5py.File:
    """Open a file for reading.

    Raises
    ------
    RawDataError
        The file is missing, no regular file, may not be read, is not HDF5 or is damaged.
    """
    check_regular(path)
    try:
        if not h5py.is_hdf5(path):
            raise RawDataError(f"{path}: not an HDF5 file{hint(path)}")
        # Without a lock: a file that another program has open for writing can be read, and is never waited for.
        return h5py.File(path, "r", locking=False)
    except FAILURES as error:
        reason = "the file is truncated" if "truncated" in str(error) else reason_of(error)
        raise RawDataError(f"{path}: cannot be read ({reason})") from error


def has_group(path: Path, name: str) -> bool:
    """Tell whether a file is HDF5 and has such a group.

    Raises
    ------
    RawDataError
        The file is HDF5 and cannot be read.
    """
    check_regular(path)
    return h5py.is_hdf5(path) and all(in_child(partial(_has_group, path, name), str(path)))


def _has_group(path: Path, name: str) -> Iterator[bool]:
    with open_hdf5(path) as file:
        yield isinstance(find(file, name, str(path)), h5py.Group)


def check_regular(path: Path) -> None:
    """Raise RawDataError unless there is a file that can be read; a pipe would be waited for without end.

    Nor is a file taken that is nearly all holes: it says to be of terabytes, and would be read and copied as such.
    """
    # Unlike those of pathlib, these take a name that is too long or leads in circles for one that is not there.
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
        raise RawDataError(f"{path}: expected a file, found a {'folder' if path.is_dir() else 'device or a pipe'}")
    if not os.path.isfile(path):  # noqa: PTH113
        raise RawDataError(f"{path}: no such file")
    if not os.access(path, os.R_OK):
        raise RawDataError(f"{path}: may not be read (permission denied)")
    found = path.stat()
    # Some file systems do not tell; others pack what they keep, but no scan so well.
    if found.st_size > MOST_HOLES and 0 < found.st_blocks * BLOCK_BYTES * UNPACKED < found.st_size:
        raise RawDataError(f"{path}: expected a file that is on the disk, found {found.st_size} bytes of hardly any")
