"""What a process that runs the method does about its memory and its threads."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

# The numbers that glibc's mallopt knows them by.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
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
    # Another C library, or none that can be asked: slower, and nothing else.
    except (AttributeError, OSError, TypeError):
        return
    # To set either of them ends glibc's own adjustment of both, so both are set.
    mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
    # Else each thread keeps what it has freed for itself alone.
    mallopt(_ARENA_MAX, 1)


@functools.cache
def keep_one_blas_thread() -> None:
    """Let linear algebra use one thread from now on: for a process that does nothing but run nodes.

    A Gadgetron sets no thread variables. Left alone, every node would use all cores for products that are small and
    many, and slow itself and all others down (5 times the processor time for 16 receivers, 256 x 512).
    """
    # Not entered as a context: the limit is to stay. The argument makes the cache look again once SciPy is loaded.
    _libraries("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let linear algebra use one thread inside, and as many as before afterwards.

    The limit is the whole process's. Of several threads that come in at once, the first one decides.
    """
    with _libraries("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _libraries(_with_scipy: bool) -> ThreadpoolController:
    """Find the libraries that are loaded, once: it takes as long as a small detection. SciPy brings one of its own."""
    return ThreadpoolController()
