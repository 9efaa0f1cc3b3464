"""Which file is it? One that is opened more than once may be another one the next time."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gadgets.errors import RawDataError


class Identity(NamedTuple):
    """Tells a file from another one that takes its place, and from itself once somebody has written to it."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> Identity | None:
        """Give that of the file which is there now; None where there is none."""
        try:
            found = path.stat()
        except OSError:
            return None
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def check(self, path: Path, what: str = "") -> None:
        """Raise RawDataError where it is another one: what was read before does not belong to what comes behind it."""
        if self != Identity.of(path):
            raise RawDataError(f"{what or path}: expected a file that stays as it is, found another while it was read")
