"""The child that reads a file: what it may take, what it hands over, and how it says what went wrong."""

from __future__ import annotations

import logging
import os
import pickle
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from gadgets.errors import DesparkError, in_words
from gadgets.outside import machine_bytes

OFTEN = 256
"""How many small things are gone through before :func:`go_on` is called."""

AT_ONCE, AT_ONCE_BYTES = 64, 4 << 20
"""Things that are handed over together, and after how many bytes of them at the latest."""

TOO_LARGE = "that would take more than {} bytes of memory, which no file of its size needs"
TOO_MANY = "it holds more than {} bytes of pixels, which no file of its size does"

_granted_s: list[int] = []
"""How long this process may be busy with one thing, where it is a child."""


class Limits(NamedTuple):
    """Of a child: seconds of processor time for one thing, bytes of memory and of all things, how many go at once."""

    seconds: int
    room: int
    total: float
    at_once: int


def serve(make: Callable[[], Iterator[Any]], limits: Limits, level: int, sink: int) -> None:
    """Do the work of the child."""
    # Who gives up listening ends it without a word.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(sink, "wb", buffering=1 << 20) as pipe:
        # The parent's handlers know where records go.
        logging.basicConfig(level=level, handlers=[_ToParent(pipe)])
        _limit_memory(limits.room)
        _hand_over(make, pipe, limits)


def _limit_memory(room: int) -> None:
    """Let this process have only so much more memory."""
    # Asked before: the limit would be taken for all that the machine has.
    machine_bytes()
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    soft = used + room
    resource.setrlimit(resource.RLIMIT_AS, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _hand_over(make: Callable[[], Iterator[Any]], pipe: IO[bytes], limits: Limits) -> None:
    def send(kind: str, content: object) -> None:
        pickle.dump((kind, content), pipe, protocol=pickle.HIGHEST_PROTOCOL)
        pipe.flush()

    things: list[Any] = []
    n_bytes = n_given = 0
    try:
        _granted_s.append(limits.seconds)
        go_on()
        for thing in make():
            things.append(thing)
            n_bytes += _size_of(thing)
            if len(things) == limits.at_once or n_bytes >= AT_ONCE_BYTES:
                if (n_given := n_given + n_bytes) > limits.total:
                    send("reason", TOO_MANY.format(limits.total))
                    return
                send("things", things)
                things, n_bytes = [], 0
            go_on()
        send("things", things)
    except DesparkError as error:
        send("things", things)
        send("error", type(error)(str(error)))
    except MemoryError:
        send("reason", TOO_LARGE.format(limits.room))
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        send("reason", in_words(error))


def _size_of(thing: object) -> int:
    """Give the bytes of the arrays that a thing consists of."""
    parts = thing if isinstance(thing, tuple) else (thing, *getattr(thing, "__dict__", {}).values())
    return sum(getattr(part, "nbytes", 0) for part in parts)


def go_on() -> None:
    """Let the kernel end this process, where it is a child, once it has been busy for too long from now on.

    Called by what goes through many small things before it can give one: as long as it gets on it may take its time.
    """
    for limit_s in _granted_s:
        _grant_time(limit_s)


def _grant_time(limit_s: int) -> None:
    used = sum(os.times()[:2])
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(used) + 1 + limit_s
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


class _ToParent(logging.Handler):
    """Hands log records to the parent, whose handlers know where they go."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, its text made up."""
        record.msg, record.args, record.exc_info = record.getMessage(), None, None
        pickle.dump(("log", record), self._pipe, protocol=pickle.HIGHEST_PROTOCOL)
