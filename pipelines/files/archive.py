"""An archive of scans as they came in: whatever happens to a scan later, its data are on disk.

One file per scan, an MRD stream (HEADER, data, CLOSE), to which every message is added as it arrives. Cut anywhere, a
file gives all messages that are whole. Files and folders may hold what is said of a patient: only their owner reads
them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gadgets.errors import RawDataError
from gadgets.logbook import SCAN_PREFIX, in_scan
from pipelines.files.locked import locks, remove_free
from pipelines.messages import MessageID, text_message

logger = logging.getLogger(__name__)

ENDING = ".mrd"
_GB = 1_000_000_000
_DAY_S = 86_400.0
# The header of an acquisition has as many; a health check sends less.
_FEWEST_BYTES = 340
# So often the size of the folder is looked at while a scan grows; more often where the folder is to be small.
_STEP_BYTES = 64 << 20
_STEPS = 16
MOST_FILES = 100_000
"""However small they are: a disk has only so many names, too."""


@dataclass(frozen=True)
class Archive:
    """A folder with scans, bounded by size and age: the oldest go first.

    Attributes
    ----------
    folder
        Where the files lie; only files that an archive wrote are ever removed there.
    most_gb, most_days
        How large all files may be together, and how old one may be.
    ending
        Of the files.
    on_kept
        Told of each scan that is over and has data: its file, and the settings that it was begun with.
    """

    folder: Path
    most_gb: float = 50.0
    most_days: float = 7.0
    ending: str = ENDING
    on_kept: Callable[[Path, Mapping[str, str]], None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def check(self) -> None:
        """Raise RawDataError unless files can be made in the folder, which is made if it is not there."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Tried, not asked: rights say nothing of a disk that is full or mounted read-only.
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise RawDataError(f"{self.folder}: no scans can be archived there ({error.strerror})") from error

    def begin(self, header: bytes, settings: Mapping[str, str] | None = None) -> ArchivedScan:
        """Begin the file of a scan.

        Parameters
        ----------
        header
            The MRD header as it came.
        settings
            What the scan is run with, by ``NODE.PROPERTY``; for who is told of it.
        """
        with in_scan() as name:
            scan = ArchivedScan(self.folder / f"{name.scan}{self.ending}", self, settings or {})
        self.make_room(scan.path)
        scan.add(bytes(text_message(MessageID.HEADER, header).data), is_data=False)
        return scan

    @property
    def step_bytes(self) -> int:
        """By how much a scan may grow until room is made for it."""
        return int(min(_STEP_BYTES, self.most_gb * _GB / _STEPS))

    def make_room(self, current: Path) -> bool:
        """Remove what is too old or too much, oldest first; False where what must stay is too much.

        The current scan stays, and so do others that come in at this moment.
        """
        with self._lock:
            files = sorted((found.st_mtime, found.st_size, path) for path, found in self._files())
            total, n_files = sum(size for _, size, _ in files), len(files)
            most, oldest = self.most_gb * _GB, time.time() - self.most_days * _DAY_S
            for modified, size, path in files:
                if modified >= oldest and total <= most and n_files <= MOST_FILES:
                    break
                if path == current:
                    continue
                try:
                    is_removed = remove_free(path)
                except OSError as error:
                    # No reason to lose the scan that comes in now: a folder of that name, or one that became read-only.
                    logger.warning("archive: %s cannot be removed (%s)", path.name, error.strerror)
                    continue
                if is_removed:
                    total, n_files = total - size, n_files - 1
                    logger.info("archive: %s is removed", path.name)
            return total <= most

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        for path in self.folder.glob(f"{SCAN_PREFIX}*{self.ending}"):
            try:
                found.append((path, path.stat()))
            except OSError:
                continue  # another server of this folder was quicker, or nobody may look
        return found


class ArchivedScan:
    """The file of one scan; a disk that is full or gone costs the file, and never the scan.

    Parameters
    ----------
    path
        The file, which is new.
    archive
        That it belongs to.
    settings
        What the scan is run with.
    """

    def __init__(self, path: Path, archive: Archive, settings: Mapping[str, str]) -> None:
        self.path = path
        self._settings = settings
        self._n_data_bytes = 0
        self._archive = archive
        self._n_since_look = 0
        self._descriptor: int | None = None
        try:
            # O_EXCL: a file of that name would be another scan's.
            self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
            # Removed while it grows, it would fill the disk where nobody sees it. The lock ends with the process.
            if not locks(self._descriptor, fcntl.LOCK_EX) or not os.fstat(self._descriptor).st_nlink:
                # Before it was locked, somebody else has removed it to make room.
                raise OSError(errno.ENOSPC, "the archive is full")
        except OSError as error:
            self._give_up(error.strerror)

    def __enter__(self) -> ArchivedScan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._n_data_bytes <= _FEWEST_BYTES:
            # Monitors ask every few seconds whether all is well: nobody looks for a scan among so many files.
            with contextlib.suppress(OSError):
                self.path.unlink()
        elif self._archive.on_kept is not None:
            self._archive.on_kept(self.path, self._settings)

    def add(self, content: bytes | bytearray | memoryview, *, is_data: bool = True) -> None:
        """Add bytes that came."""
        if self._descriptor is None:
            return
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            self._give_up(error.strerror)
            return
        self._n_data_bytes += len(content) if is_data else 0
        self._n_since_look += len(content)
        if self._n_since_look > self._archive.step_bytes:
            self._n_since_look = 0
            if not self._archive.make_room(self.path):
                self._give_up(f"the archive is full, {self._archive.most_gb:g} GB")

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _give_up(self, reason: str | None) -> None:
        logger.error("archive: %s is not written any further (%s); the scan goes on", self.path.name, reason)
        self.close()
