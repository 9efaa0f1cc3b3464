"""Files that appear under their final name only when they are whole."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from gadgets.errors import RawDataError

STDOUT = Path("-")
"""What commands take for standard output in the place of a file."""

MOST_NAME_BYTES = 255
"""In the file systems that are common."""


@contextmanager
def whole_or_nothing(path: Path, *, is_folder: bool = False) -> Iterator[Path]:
    """Give a temporary name beside ``path``; what was written there takes the final name at the end.

    A folder may replace an empty one only.

    Where it is a link, the file that it leads to is meant. After an exception the temporary file is removed and
    ``path`` is as it was before. Nothing is renamed where nothing was written.

    Raises
    ------
    RawDataError
        The folder does not exist, or the file cannot be renamed.
    """
    (check_new_folder if is_folder else check_folder)(path)
    path = _meant(path)
    # In the same folder, so that the renaming is one step.
    temporary = _temporary(path)
    try:
        yield temporary
        if temporary.exists():
            temporary.replace(path)
    except OSError as error:
        raise RawDataError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if is_folder:
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _meant(path: Path) -> Path:
    """Give what a link leads to, as that is written and the link stays; else the path as it is."""
    # Unlike that of pathlib, this bears names that are too long.
    return Path(os.path.realpath(path)) if os.path.islink(path) else path  # noqa: PTH114


def _temporary(path: Path) -> Path:
    # By chance: others may write to that folder, too, and put a link where it leads to a file of ours.
    ending = f".{secrets.token_hex(8)}.part"
    name = path.name
    # What a file may be called is limited in bytes; the name that is asked for may be as long as it may be.
    while len(os.fsencode(name)) + len(ending) + 1 > MOST_NAME_BYTES:
        name = name[:-1]
    return path.with_name(f".{name}{ending}")


def readable(path: Path) -> str:
    r"""Give a path as text that any file can hold: what is no UTF-8 in it, as in ``scan\xff.h5``, byte by byte."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def check_folder(path: Path) -> None:
    """Raise RawDataError unless a file can be made at ``path``."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise RawDataError(f"{path}: cannot be written ({error.strerror or error})") from error
    if path.is_dir():
        raise RawDataError(f"{path}: expected the name of a file to write, found a folder")
    if path.exists() and not path.is_file():
        raise RawDataError(f"{path}: expected the name of a file to write, found something else (a device, a pipe)")
    check_parent(path)


def check_writable(path: Path) -> None:
    """As :func:`check_folder`; of standard output, see that whoever started this program has not closed it."""
    if path != STDOUT:
        check_folder(path)
    elif sys.stdout is None:
        raise RawDataError("standard output: cannot be written (it is closed)")


def check_new_folder(path: Path) -> None:
    """Raise RawDataError unless a folder can be made at ``path``; an empty one that is there is taken."""
    try:
        if path.is_dir() and any(path.iterdir()):
            # Files of two scans in one folder would be taken for one series.
            raise RawDataError(f"{path}: expected a new or an empty folder, found one that holds files")
        if path.exists() and not path.is_dir():
            what = "a file" if path.is_file() else "a device or a pipe"
            raise RawDataError(f"{path}: expected a folder, or a name with an ending such as .h5, found {what}")
    except OSError as error:
        raise RawDataError(f"{path}: cannot be written ({error.strerror or error})") from error
    check_parent(path)


def check_parent(path: Path) -> None:
    """Raise RawDataError unless the folder that ``path`` lies in, or leads into, is there and can be written to."""
    folder = _meant(path).parent
    if not folder.is_dir():
        raise RawDataError(f"{path}: the folder {folder} does not exist")
    if not os.access(folder, os.W_OK):
        raise RawDataError(f"{path}: the folder {folder} cannot be written to")


def same_file(first: Path, second: Path) -> bool:
    """Whether both names lead to one file, through links too."""
    # Unlike those of pathlib, these bear names that are too long and links that lead in circles.
    if os.path.exists(first) and os.path.exists(second):  # noqa: PTH110
        # By what lies on the disk: names may differ by links, or by the case of letters.
        return first.samefile(second)
    return os.path.realpath(first) == os.path.realpath(second)


def check_apart(outputs: Sequence[Path | None], inputs: Sequence[Path] = ()) -> None:
    """Raise RawDataError where a file to write is one of those that are read, or another one to write."""
    written = [path for path in outputs if path is not None and path != STDOUT]
    for number, path in enumerate(written):
        for other in (*inputs, *written[:number]):
            if same_file(path, other):
                raise RawDataError(f"{path}: would overwrite {other}")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a temporary folder; raises RawDataError where none can be made."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="despark-")
    except OSError as error:
        raise RawDataError(f"no temporary folder can be made ({error.strerror or error})") from error
    with folder as path:
        yield Path(path)


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
