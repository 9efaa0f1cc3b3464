"""The file of a scan that runs: what the scan has shown so far, locked for as long as its process lives."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from pydantic import field_validator

from gadgets.logbook.running_picture import ENDING as PICTURE_ENDING
from gadgets.logbook.running_picture import RunningPicture
from gadgets.logbook.scan_entry import Count
from gadgets.records import Record

logger = logging.getLogger(__name__)

FILE_BYTES = 4096
"""Of one file: written at once and always of one size, so that who reads never meets half of it."""

ENDING = ".running"


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
    k_spaces: Count = 0
    sparks: Count = 0
    repaired: Count = 0
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
        self._path = folder_of(logbook) / f"{scan}{ENDING}"
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


def folder_of(logbook: Path) -> Path:
    """Give the folder in which the files of scans that run lie."""
    return logbook.with_name(f"{logbook.name}{ENDING}")
