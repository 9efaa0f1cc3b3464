"""Files that are locked while somebody writes them: the lock ends with the process, however that ends."""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)


def remove_free(path: Path) -> bool:
    """Remove a file; False where it is still being written, by this server or another one."""
    try:
        # Without waiting, as nobody may ever write into a pipe of that name.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        is_free = locks(descriptor, fcntl.LOCK_SH)
        if is_free:
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
    return is_free


def locks(descriptor: int, kind: int) -> bool:
    """Lock a file, where nobody else has; a file system without locks has nobody else."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        logger.debug("archive: no lock there (%s)", error.strerror)
    return True
