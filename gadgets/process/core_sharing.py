"""Threads: how many cores one k-space may use, and how its receivers, transforms and patches are shared among them.

What is shared are pieces of fixed size, so that no sum depends on how many threads there are. Nodes and scans of one
machine, in whatever processes, share its cores by locks on small files: who finds none left works with one thread.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import Barrier
from typing import Literal, TypeAlias, TypeVar, cast

import numpy as np
from scipy import fft

logger = logging.getLogger(__name__)

Threads: TypeAlias = int | Literal["auto"]

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of processor time that a container gets, and of what time; "max" where it is not limited."""

# By context: the threads that share a piece of work are not to share it out once more.
_in_use: ContextVar[int] = ContextVar("threads", default=1)


def cores() -> int:
    """Count the cores that the machine gives to this process."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = QUOTA.read_text().split()
        if quota != "max":
            count = min(count, int(quota) // int(period))
    return max(count, 1)


@contextmanager
def threads(asked: Threads) -> Iterator[int]:
    """Let what runs inside, in this thread, use several threads; gives how many.

    Parameters
    ----------
    asked
        So many, or ``auto``: the cores of this machine that no other k-space of despark uses at this moment.
    """
    with contextlib.ExitStack() as held:
        count = asked if asked != "auto" else max(sum(_takes(core, held) for core in range(cores())), 1)
        try:
            if count > 1:
                _pool()
        except RuntimeError as error:
            # A system that has no thread to give costs time, and not the judgement of a k-space.
            logger.debug("one thread does the work of %d (%s)", count, error)
            count = 1
        token = _in_use.set(count)
        held.callback(_in_use.reset, token)
        held.enter_context(fft.set_workers(count))
        yield count


def in_parallel(function: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> list[ResultT]:
    """Call a function for every item, and give the results in their order; as :func:`map` where there is one thread."""
    count, pieces = _in_use.get(), list(items)
    if count == 1 or len(pieces) < 2:
        return list(map(function, pieces))
    # Every n-th piece to each thread: a few shares instead of many small tasks, and neighbours, which are alike, are
    # spread.
    shares = [pieces[start::count] for start in range(min(count, len(pieces)))]
    others = [_pool().submit(_in_turn, function, share) for share in shares[1:]]
    # The first one here: whoever waits for all of them can as well work, and one thread less is woken.
    token = _in_use.set(1)
    try:
        done = [_in_turn(function, shares[0])]
    finally:
        _in_use.reset(token)
    results: list[ResultT | None] = [None] * len(pieces)
    for start, share in enumerate(done + [other.result() for other in others]):
        results[start::count] = share
    return cast(list[ResultT], results)


def _in_turn(function: Callable[[ItemT], ResultT], share: Iterable[ItemT]) -> list[ResultT]:
    return list(map(function, share))


def meanwhile(call: Callable[[], ResultT]) -> Callable[[], ResultT]:
    """Begin a call in another thread, where there is one; what is given waits for its result, or makes it.

    For what is too small to be shared out in pieces.
    """
    return call if _in_use.get() == 1 else _pool().submit(call).result


def _takes(core: int, held: contextlib.ExitStack) -> bool:
    """Take a core, if nobody holds it, until `held` is closed."""
    try:
        # Others may write to that folder, too: no link of theirs is followed, and no pipe waited for.
        token = os.open(_token(core), os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        held.callback(os.close, token)
        # A lock goes with its process, however that ends.
        fcntl.flock(token, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _token(core: int) -> Path:
    """Name the file that stands for a core, one set for each user: others' files cannot be opened."""
    return Path(tempfile.gettempdir()) / f"despark-{os.getuid()}-core-{core}"


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """Give the threads of this process; raises RuntimeError where the system refuses one."""
    # One for all, however many threads a scan asks for: pools of a worker live as long as it does.
    pool = ThreadPoolExecutor(cores(), thread_name_prefix="despark")
    together = Barrier(cores())
    try:
        # All threads at once: refused later, in the middle of some work, a thread could not be done without.
        for _ in range(cores()):
            pool.submit(together.wait)
        # Those of SciPy's transforms, which it has beside: for so many rows it starts them.
        fft.fft(np.zeros((8 * cores(), 4)), workers=cores())
    except RuntimeError:
        together.abort()
        pool.shutdown(wait=False)
        raise
    return pool


# A fork has the pool and none of its threads: what it shared out would be waited for without end.
os.register_at_fork(after_in_child=_pool.cache_clear)
