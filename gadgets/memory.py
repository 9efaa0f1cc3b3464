"""Memory: what a k-space's arrays leave behind is kept for those of the next one."""

from __future__ import annotations

import ctypes
import functools

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 1 << 28
_LARGEST_KEPT = 1 << 25  # glibc takes no more


@functools.cache
def keep_freed_memory() -> None:
    """Ask the C library not to give arrays up to 32 MB back to the system as soon as they are freed.

    Every array of a few megabytes would else come as new pages, each with a fault: that was half of the time of
    detection (16 receivers, 128 x 128). At most 256 MB of freed memory are kept. Without glibc nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
