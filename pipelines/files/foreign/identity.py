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

    def check(self, path: Path, what: str = "", *, is_read: bool = False) -> None:
        """Raise RawDataError where it is another one: what was read before does not belong to what comes behind it.

        One that is gone matters only before it has been read: until then it was open, and stayed what it was.
        """
        now = Identity.of(path)
        if now != self and not (is_read and now is None):
            found = "none" if now is None else "another"
            raise RawDataError(f"{what or path}: expected a file that stays as it is, found {found} while it was read")
