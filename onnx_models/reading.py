"""Reading a file that somebody named: a file, and nothing that would be waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 2 << 30
"""No manifest, model or history comes near it; a file that only pretends to be so long is not read."""


def read_regular(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Read a file.

    Raises
    ------
    OSError
        It cannot be read, is too long, or something else lies there: a folder, a device, or a pipe into which nobody
        may ever write. ``strerror`` says which.
    """
    with open_regular(path) as file:
        length = os.fstat(file.fileno()).st_size
        if length > most_bytes:
            raise OSError(errno.EFBIG, f"expected at most {most_bytes} bytes, found {length}")
        return file.read()


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; raises OSError as :func:`read_regular`."""
    # Without waiting for a writer, which a pipe may never have.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
            raise OSError(errno.EINVAL, f"expected a file, found {what}")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
