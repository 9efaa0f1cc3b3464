"""What the C library does with memory that scans have released: left alone, it keeps most of it, for each thread."""

from __future__ import annotations

import ctypes
import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)

N_ARENAS = 2
"""Pools that threads allocate from; by default eight per core, and each grows to the largest scan that it has seen."""

# The number that glibc's mallopt knows it by.
_M_ARENA_MAX = -8


def share_pools() -> None:
    """Let all threads allocate from a few pools; to be called before there are threads."""
    if not _call("mallopt", _M_ARENA_MAX, N_ARENAS):
        logger.debug("the C library does not take a limit of its memory pools")


def give_back() -> None:
    """Give memory that is not in use back to the system."""
    _call("malloc_trim", 0)


def resident_bytes() -> int:
    """Tell how much memory this process has now; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _call(name: str, *arguments: int) -> int:
    """Call a function of the C library; 0 where it has none of that name, as others than glibc."""
    function = getattr(ctypes.CDLL(None), name, None)
    return 0 if function is None else int(function(*arguments))
