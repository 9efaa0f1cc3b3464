"""How a command ends that is told to: Ctrl-C, a polite kill, or a terminal that is closed.

While it starts there is nothing to be put in order, and it ends at once. Later it puts everything in order first, and
whoever presses Ctrl-C again meanwhile, or holds it down, does not keep it from that.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn, TypeAlias

from pipelines.commands.terminal.unread import has_room, wait_for_no_reader

SIGNALLED = 128
"""Added to the number of the signal that ended the command, as shells do: 143 after a polite kill."""

INTERRUPTED = SIGNALLED + signal.SIGINT

PATIENCE_S = 5.0
"""Told again within that time, a command was told once: a terminal that is closed says so twice."""

ERASE_LINE = "\r\x1b[2K"

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STDERR = 2

Handler: TypeAlias = Callable[[int, FrameType | None], None]


def take_signals(handler: Handler) -> None:
    """Have a handler called for them; one that is ignored stays so: that is how nohup works."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def at_once(number: int, _frame: FrameType | None) -> NoReturn:
    """End here: nothing has been begun, or all is over but the end of the interpreter."""
    if number == signal.SIGINT:
        erased = ERASE_LINE if os.isatty(STDERR) else ""
        # Not by way of sys.stderr, which may be in the middle of a line. Nobody may be there to read it.
        with suppress(OSError):
            if has_room(STDERR):
                os.write(STDERR, f"{erased}despark: interrupted\n".encode())
    os._exit(SIGNALLED + number)


def in_order() -> Handler:
    """Give a handler that ends the command by an exception, on whose way out nodes end and temporary files go."""
    told_s = -PATIENCE_S

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal told_s
        wait_for_no_reader()
        if time.monotonic() - told_s < PATIENCE_S:
            return
        told_s = time.monotonic()
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(SIGNALLED + number)

    return end


def leave(code: int) -> NoReturn:
    """End the program, although threads may still be at work.

    The end of an interpreter takes them out of the middle of a library, which then aborts the process.
    """
    if threading.active_count() > 1:
        atexit._run_exitfuncs()  # noqa: SLF001 - there is no public one
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    raise SystemExit(code)
