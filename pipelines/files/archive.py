"""An archive of scans as they came in: whatever happens to a scan later, its data are on disk.

One file per scan, an MRD stream (HEADER, data, CLOSE), to which every message is added as it arrives. Cut anywhere, a
file gives all messages that are whole. Files and folders may hold what is said of a patient: only their owner reads
them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gadgets.errors import RawDataError
from gadgets.logbook import SCAN_PREFIX, in_scan
from pipelines.messages import MessageID, text_message

logger = logging.getLogger(__name__)

ENDING = ".mrd"
_GB = 1_000_000_000
_DAY_S = 86_400.0
# The header of an acquisition has as many; a health check sends less.
_FEWEST_BYTES = 340
# So often the size of the folder is looked at while a scan grows.
_STEP_BYTES = 64 << 20


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
            probe = os.open(self.folder / f".{os.getpid()}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            os.close(probe)
            (self.folder / f".{os.getpid()}").unlink()
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

    def make_room(self, current: Path) -> bool:
        """Remove what is too old or too much, oldest first; False where the current scan alone is too much."""
        with self._lock:
            files = sorted((found.st_mtime, found.st_size, path) for path, found in self._files() if path != current)
            left = self.most_gb * _GB - (current.stat().st_size if current.exists() else 0)
            total, oldest = sum(size for _, size, _ in files), time.time() - self.most_days * _DAY_S
            for modified, size, path in files:
                if modified >= oldest and total <= left:
                    break
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    # No reason to lose the scan that comes in now: a folder of that name, or one that became read-only.
                    logger.warning("archive: %s cannot be removed (%s)", path.name, error.strerror)
                    continue
                total -= size
                logger.info("archive: %s is removed", path.name)
            return left > 0

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
        if self._n_since_look > _STEP_BYTES:
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
