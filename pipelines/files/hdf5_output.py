"""An HDF5 file that is being made, on a disk that may fill up."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py


class Hdf5Output:
    """An HDF5 file that is being made: a disk that fills up is an error, where HDF5 itself would crash.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    file
        Open for writing.
    """

    def __init__(self, path: Path) -> None:
        self._disk = _Disk(path, "w+")
        self.file = h5py.File(self._disk, "w")

    def __enter__(self) -> Hdf5Output:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._close()
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise the OSError with which the disk has refused to take anything, if it has."""
        if self._disk.failure is not None:
            raise self._disk.failure

    def close(self) -> None:
        """Write what is still held back and close the file; raises OSError where not all of it is on the disk."""
        self._close()
        self.check()

    def _close(self) -> None:
        self.file.close()
        self._disk.close()


class _Disk(io.FileIO):
    """A file that takes everything, as HDF5 expects, and remembers when the disk did not.

    What the disk did not take is kept in memory: HDF5 reads its own tables again before it can close a file, and hangs
    at the end of the process if it cannot close one.
    """

    failure: OSError | None = None

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self._kept: list[tuple[int, bytes]] = []

    def write(self, content: Any) -> int:  # noqa: ANN401 - anything with a buffer
        """Write all of it, to the disk as long as nothing has failed."""
        whole = memoryview(content).cast("B")
        place, left = self.tell(), whole
        try:
            while left and self.failure is None:
                left = left[super().write(left) or 0 :]
        except OSError as error:
            self.failure = error
        if self.failure is not None:
            self._kept.append((place, bytes(whole)))
            self.seek(place + whole.nbytes)
        return whole.nbytes

    def readinto(self, target: Any) -> int:  # noqa: ANN401 - anything with a buffer
        """Read as much as is asked for."""
        view, place = memoryview(target).cast("B"), self.tell()
        n_read = super().readinto(view) or 0
        view[n_read:] = bytes(view.nbytes - n_read)
        # In the order in which they were written: where two overlap, the later one holds.
        for start, content in self._kept:
            first, last = max(start, place), min(start + len(content), place + view.nbytes)
            if first < last:
                view[first - place : last - place] = content[first - start : last - start]
        self.seek(place + view.nbytes)
        return view.nbytes

    def truncate(self, size: int | None = None) -> int:
        """Make the file so long."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0
