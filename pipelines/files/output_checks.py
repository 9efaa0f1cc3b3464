"""What is seen to before anything is written: that it can be, and that it would replace nothing that is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gadgets.errors import RawDataError

STDOUT = Path("-")
"""What commands take for standard output in the place of a file."""

_MUCH_OF_A_HEADER = 4096


def readable(path: Path) -> str:
    r"""Give a path as text that any file can hold: what is no UTF-8 in it, as in ``scan\xff.h5``, byte by byte."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def refusal(error: OSError) -> str:
    """Say in the system's words why it refused something: some libraries put a whole traceback in their place."""
    named = (getattr(each, "strerror", None) for each in (error, error.__cause__, error.__context__))
    return next(filter(None, named), None) or str(error).partition("\n")[0]


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


def check_text(path: Path) -> None:
    """As :func:`check_writable`, for what is text: one that is forgotten behind its option must not cost a scan.

    In ``--json *.h5`` the shell puts the first scan in its place.
    """
    check_writable(path)
    if path == STDOUT or not path.is_file():
        return
    try:
        with path.open("rb") as file:
            is_data = b"\0" in file.read(_MUCH_OF_A_HEADER)
    except OSError as error:
        raise RawDataError(f"{path}: cannot be read, nor be replaced ({error.strerror or error})") from error
    # No text has it, and raw files and images all begin with some.
    if is_data:
        raise RawDataError(f"{path}: would overwrite {path}, which is no text (expected a new file, or one of text)")


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
    folder = meant(path).parent
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


def meant(path: Path) -> Path:
    """Give what a link leads to, as that is written and the link stays; else the path as it is."""
    # Unlike that of pathlib, this bears names that are too long.
    return Path(os.path.realpath(path)) if os.path.islink(path) else path  # noqa: PTH114
