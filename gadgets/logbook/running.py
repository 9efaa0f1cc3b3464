"""Scans that run now: each keeps a small file beside the logbook, for as long as its process lives."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError, field_validator

from gadgets.findings import ScanFacts
from gadgets.logbook.running_picture import ENDING as PICTURE_ENDING
from gadgets.logbook.running_picture import RunningPicture, read_picture, watch
from gadgets.logbook.scan_entry import entry_of
from gadgets.logbook.store import Logbook
from gadgets.records import Record
from onnx_models.reading import open_regular

logger = logging.getLogger(__name__)

FILE_BYTES = 4096
"""Of one file: written at once and always of one size, so that who reads never meets half of it."""

ENDING = ".running"

BROKEN_OFF = "its process ended in the middle of the scan"


class RunningScan(Record):
    """What a scan that runs has shown so far.

    ``began`` is in UTC, ISO 8601. ``announced`` is how many k-spaces the header speaks of, None where it does not.
    ``pictures`` counts those that were made of it: another number, another picture.
    """

    scan: str
    client: str = ""
    began: str
    source: str
    protocol: str = ""
    station: str = ""
    announced: int | None = None
    k_spaces: int = 0
    sparks: int = 0
    repaired: int = 0
    strongest: float = 0.0
    pictures: int = 0

    @field_validator("began")
    @classmethod
    def _is_a_moment(cls, began: str) -> str:
        # Without its zone it cannot be taken from the time that it is now.
        if datetime.fromisoformat(began).tzinfo is None:
            raise ValueError("expected a time with its zone")
        return began

    @property
    def seconds(self) -> float:
        """For how long it has been running."""
        return (datetime.now(timezone.utc) - datetime.fromisoformat(self.began)).total_seconds()


class RunningFile:
    """The file of one scan. Whatever is wrong with it is logged once for those who want all: a scan needs no such file.

    Parameters
    ----------
    logbook
        The file beside which it lies.
    scan
        Name of the scan.
    """

    def __init__(self, logbook: Path, scan: str) -> None:
        self._path = _folder(logbook) / f"{scan}{ENDING}"
        self._descriptor: int | None = None
        self.picture = RunningPicture(self._path.with_suffix(PICTURE_ENDING))
        try:
            # By the process: a host and its node may show the same scan at once.
            new = self._path.with_suffix(f".{os.getpid()}")
            try:
                self._descriptor = _made(new)
            except FileNotFoundError:
                # Whoever ran before has just taken the folder away.
                self._descriptor = _made(new)
            # The lock ends with the process, however that ends. Before the file has its name: one without a lock is
            # removed by who looks.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.replace(self._path)
        except OSError as error:
            self._give_up(error)

    def write(self, state: RunningScan) -> None:
        """Say how far the scan is."""
        if self._descriptor is None:
            return
        content = state.model_dump_json().encode()
        if len(content) > FILE_BYTES:
            # A name of any length may come from outside.
            content = state.model_copy(update={"protocol": "", "station": ""}).model_dump_json().encode()
        try:
            # From the beginning and filled up to one size: what was longer before leaves no end behind.
            os.pwrite(self._descriptor, content.ljust(FILE_BYTES), 0)
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Remove the file: the scan is over."""
        if self._descriptor is not None:
            # What stays behind has no lock any more.
            with suppress(OSError):
                self.picture.close()
                self._path.unlink()
                # Where it was the last one; a folder that holds others stays.
                self._path.parent.rmdir()
            os.close(self._descriptor)
            self._descriptor = None

    def _give_up(self, error: OSError) -> None:
        logger.debug("who looks will not see that this scan runs (%s)", error.strerror)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _made(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)


def picture_of_running(logbook: Path, scan: str) -> NDArray[np.uint8] | None:
    """Give the last image of a scan that runs before and after the repair, shape ``(2, y, x)``; None: there is none."""
    return read_picture(_folder(logbook) / f"{scan}{PICTURE_ENDING}")


def watch_running(logbook: Path) -> None:
    """Say that somebody looks: for some seconds from now on, scans that run make pictures."""
    watch(_folder(logbook))


def running_scans(logbook: Path) -> list[RunningScan]:
    """Give the scans that run now, the latest first."""
    found = [state for path in _files(logbook) if (state := _read(path, is_running=True)) is not None]
    return sorted(found, key=lambda state: state.began, reverse=True)


def record_broken_off(logbook: Logbook) -> None:
    """Write entries about scans whose process was killed: nothing is left of it but the file.

    Raises
    ------
    StoreError
        The logbook cannot be written.
    """
    for path in _files(logbook.path):
        state = _read(path, is_running=False)
        if state is None:
            continue
        # Its sparks one by one ended with the process; how many there were stands in the file.
        entry = entry_of(
            state.source,
            ScanFacts(protocol=state.protocol, station=state.station),
            (),
            **state.model_dump(include={"scan", "client", "began", "k_spaces"}),
            failure=BROKEN_OFF,
        )
        logbook.add(entry.model_copy(update=state.model_dump(include={"sparks", "repaired", "strongest"})))


def _files(logbook: Path) -> list[Path]:
    try:
        return list(_folder(logbook).glob(f"*{ENDING}"))
    except OSError:
        return []


def _read(path: Path, *, is_running: bool) -> RunningScan | None:
    """Read the file of a scan that runs, or that of one that does not any more, which is removed; None: it is no such.

    Who looks for running ones shares the lock with others who do. Who takes one that is left has it alone.
    """
    try:
        with open_regular(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_NB | (fcntl.LOCK_SH if is_running else fcntl.LOCK_EX))
            except BlockingIOError:
                return RunningScan.model_validate_json(file.read(FILE_BYTES)) if is_running else None
            if is_running:
                return None
            # Before it is read: what says nothing is not looked at again.
            path.unlink()
            path.with_suffix(PICTURE_ENDING).unlink(missing_ok=True)
            return RunningScan.model_validate_json(file.read(FILE_BYTES))
    # It has ended just now, belongs to somebody else, or says nothing yet.
    except (OSError, ValidationError):
        return None


def _folder(logbook: Path) -> Path:
    return logbook.with_name(f"{logbook.name}{ENDING}")
