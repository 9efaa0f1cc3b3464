"""Scans that run now, as who looks sees them, and those that were broken off: read from the files that they keep."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from gadgets.findings import ScanFacts
from gadgets.logbook.running_file import ENDING, FILE_BYTES, RunningScan, folder_of
from gadgets.logbook.running_picture import ENDING as PICTURE_ENDING
from gadgets.logbook.running_picture import read_picture, watch
from gadgets.logbook.scan_entry import ScanEntry, entry_of
from gadgets.logbook.store import Logbook
from onnx_models.reading import open_regular

BROKEN_OFF = "its process ended in the middle of the scan"


def picture_of_running(logbook: Path, scan: str) -> NDArray[np.uint8] | None:
    """Give the last image of a scan that runs before and after the repair, shape ``(2, y, x)``; None: there is none."""
    return read_picture(folder_of(logbook) / f"{scan}{PICTURE_ENDING}")


def watch_running(logbook: Path) -> None:
    """Say that somebody looks: for some seconds from now on, scans that run make pictures."""
    watch(folder_of(logbook))


def running_scans(logbook: Path) -> list[RunningScan]:
    """Give the scans that run now, the latest first."""
    found = [state for path in _files(logbook) if (state := _read(path)) is not None]
    return sorted(found, key=lambda state: state.began, reverse=True)


def record_broken_off(logbook: Logbook) -> None:
    """Write entries about scans whose process was killed: nothing is left of it but the file.

    Raises
    ------
    StoreError
        The logbook cannot be written.
    """
    for path in _files(logbook.path):
        _record_left(path, logbook)


def _record_left(path: Path, logbook: Logbook) -> None:
    try:
        with open_regular(path) as file:
            # Alone: of several who look, one writes the entry. Where the scan runs, nobody gets the lock.
            fcntl.flock(file, fcntl.LOCK_NB | fcntl.LOCK_EX)
            # Taken by somebody else since it was opened; or it could not be removed, and would be taken for ever.
            if os.fstat(file.fileno()).st_nlink == 0 or not os.access(path.parent, os.W_OK):
                return
            state = _state_in(file)
            if state is not None:
                logbook.add(_broken_off(state))
            # Only now: a logbook that takes nothing for a while must not cost the scan its entry.
            path.unlink()
            path.with_suffix(PICTURE_ENDING).unlink(missing_ok=True)
    # It runs, has ended just now, or belongs to somebody else.
    except OSError:
        return


def _broken_off(state: RunningScan) -> ScanEntry:
    # Its sparks one by one ended with the process; how many there were stands in the file.
    entry = entry_of(
        state.source,
        ScanFacts(protocol=state.protocol, station=state.station),
        (),
        **state.model_dump(include={"scan", "client", "began", "k_spaces"}),
        failure=BROKEN_OFF,
    )
    return entry.model_copy(update=state.model_dump(include={"sparks", "repaired", "strongest"}))


def _files(logbook: Path) -> list[Path]:
    try:
        return list(folder_of(logbook).glob(f"*{ENDING}"))
    except OSError:
        return []


def _read(path: Path) -> RunningScan | None:
    """Read the file of a scan that runs; None: it is no such. Who looks shares the lock with others who do."""
    try:
        with open_regular(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_NB | fcntl.LOCK_SH)
            except BlockingIOError:
                return _state_in(file)
    # It has ended just now, or belongs to somebody else.
    except OSError:
        pass
    return None


def _state_in(file: BinaryIO) -> RunningScan | None:
    try:
        return RunningScan.model_validate_json(file.read(FILE_BYTES))
    # It says nothing yet.
    except ValidationError:
        return None
