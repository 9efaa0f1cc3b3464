"""Threads, which the system may refuse: a container has a limit for them, and a user may have one."""

from __future__ import annotations

import threading

from gadgets.errors import PipelineError


def start_thread(thread: threading.Thread) -> None:
    """Start a thread.

    Raises
    ------
    PipelineError
        The system has none to give.
    """
    try:
        thread.start()
    # Python has no error of its own for that.
    except RuntimeError as error:
        raise PipelineError(f"no thread can be started ({error})") from error
