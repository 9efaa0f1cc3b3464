"""Work that goes to several processes, which end with the one that has asked for it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

TaskT = TypeVar("TaskT")
MadeT = TypeVar("MadeT")


def in_processes(
    work: Callable[[TaskT], MadeT],
    tasks: Sequence[TaskT],
    processes: int,
    prepare: Callable[..., None] | None = None,
    *prepared: Any,  # noqa: ANN401 - as `prepare` takes it
) -> Iterator[MadeT]:
    """Give what comes of each task, in their order; left before the end, what has not begun is not done.

    Parameters
    ----------
    work
        A function of a module, as other processes call it.
    prepare, prepared
        What each process calls first, and with what.
    """
    # All of them would be started at once, however few the tasks.
    pool = ProcessPoolExecutor(min(processes, len(tasks)), initializer=_begin, initargs=(prepare, prepared))
    try:
        yield from pool.map(work, tasks)
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(prepare: Callable[..., None] | None, prepared: tuple[Any, ...]) -> None:
    # Ctrl-C in a terminal reaches all: the process that has asked ends the others, and says so in one line.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if prepare is not None:
        prepare(*prepared)


def _end_with_parent() -> None:
    """End this process when the one that has started it was killed: it would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
