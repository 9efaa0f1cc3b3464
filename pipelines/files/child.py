"""Reads a file of others in a child process, which can be ended: one changed byte may keep HDF5 busy for ever.

Inside the library nothing in the same process helps, neither Ctrl-C nor a thread that watches. The child is forked by a
process without threads, so that nothing has to be imported anew and no lock is held for ever; it does nothing but read.
Nor does it get more memory than what it reads can need: a few changed bytes ask for gigabytes, and so do small files
that were packed well.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

from gadgets.errors import DesparkError, RawDataError
from gadgets.outside import machine_bytes
from pipelines.forking import Forked

LIMIT_S = 5
"""Of processor time, for what is read at once; waiting for a slow disk does not count."""

OFTEN = 256
"""How many small things are gone through before :func:`go_on` is called."""

ROOM_BYTES = 512 << 20
"""Of memory, beyond what the child has when it begins: a file is read in pieces of a few megabytes."""

COPIES, UNPACKED = 4, 64
"""So many times the size of a file more memory may be taken: a piece of it may be nearly all, and is converted; in one
that is read whole the pixels may be packed, too."""

LEAST_BYTES_PER_S = 4 << 20
"""Of a file that is read whole before anything can be given."""

AT_ONCE, AT_ONCE_BYTES = 64, 4 << 20
"""Things that are handed over together, and after how many bytes of them at the latest."""

FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""That no library sends to itself: a system without memory does, and so do people."""

TOO_LARGE = "that would take more than {} bytes of memory, which no file of its size needs"
TOO_MANY = "it holds more than {} bytes of pixels, which no file of its size does"

logger = logging.getLogger(__name__)
ThingT = TypeVar("ThingT")

_granted_s: list[int] = []
"""How long this process may be busy with one thing, where it is a child."""


class _Limits(NamedTuple):
    """Of a child: seconds of processor time for one thing, bytes of memory and of all things, how many go at once."""

    seconds: int
    room: int
    total: float
    at_once: int


def in_child(
    make: Callable[[], Iterator[ThingT]],
    where: str | Callable[[], str],
    whole: Sequence[Path] = (),
    *,
    n_bytes: int = 0,
) -> Iterator[ThingT]:
    """Give what a function gives that runs in a child process.

    Parameters
    ----------
    make
        Opens the file and reads it; can be pickled.
    where
        The file, or what gives it when something has gone wrong, for the message of an error.
    whole
        Files that are read whole and not in pieces. How much memory there is depends on the largest of them, and how
        much is given on all.
    n_bytes
        Size of a file that is read in pieces.

    Raises
    ------
    RawDataError
        As `make` does; or the library that reads the file crashed, did not come back, or wanted too much memory.
    """
    limits = _limits_for([path.stat().st_size for path in whole], n_bytes)
    try:
        source, child = _start(make, limits)
    except OSError as error:
        raise RawDataError(f"{_text(where)}: cannot be read, no process can be started ({error})") from error
    with os.fdopen(source, "rb") as pipe:
        is_over = False
        try:
            yield from _received(pipe, where)
            is_over = True
        finally:
            if not is_over:
                child.signal(signal.SIGKILL)
            code = child.wait()
            child.close()
    if code:
        raise RawDataError(f"{_text(where)}: cannot be read, {_fate(code, limits)}")


def _start(make: Callable[[], Iterator[ThingT]], limits: _Limits) -> tuple[int, Forked]:
    """Start the child, and give the end of the pipe from which to read what it gives."""
    source, sink = os.pipe()
    try:
        return source, Forked(_serve, (make, limits, logger.getEffectiveLevel()), [sink])
    except BaseException:
        os.close(source)
        raise
    finally:
        os.close(sink)


def _limits_for(sizes: Sequence[int], n_bytes: int) -> _Limits:
    seconds = LIMIT_S + max(sizes, default=0) // LEAST_BYTES_PER_S
    # More than the machine has would bring others down with it.
    room = min(ROOM_BYTES + max(COPIES * n_bytes, UNPACKED * max(sizes, default=0)), machine_bytes() // 2)
    if not sizes:
        return _Limits(seconds, room, math.inf, AT_ONCE)
    # Each by itself, so that whoever reads several files knows which of them is at fault.
    return _Limits(seconds, room, ROOM_BYTES + UNPACKED * sum(sizes), 1)


def _text(where: str | Callable[[], str]) -> str:
    return where if isinstance(where, str) else where()


def _received(pipe: IO[bytes], where: str | Callable[[], str]) -> Iterator[Any]:
    while True:
        try:
            kind, content = pickle.load(pipe)
        except (EOFError, pickle.UnpicklingError):
            return
        if kind == "error":
            raise content
        if kind == "reason":
            raise RawDataError(f"{_text(where)}: cannot be read ({content})")
        if kind == "log":
            logging.getLogger(content.name).handle(content)
        else:
            yield from content


def _serve(make: Callable[[], Iterator[Any]], limits: _Limits, level: int, sink: int) -> None:
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


def _hand_over(make: Callable[[], Iterator[Any]], pipe: IO[bytes], limits: _Limits) -> None:
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
        send("reason", str(error) or type(error).__name__)


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


def _fate(code: int, limits: _Limits) -> str:
    if -code in FROM_OUTSIDE:
        return f"the process that reads it was ended by {signal.Signals(-code).name}; is there enough memory?"
    if code == -signal.SIGXCPU:
        how = f"the library that reads it was busy for {limits.seconds} s with one piece"
    else:
        how = f"the library that reads it was ended by {signal.Signals(-code).name}" if code < 0 else "it was not read"
    return f"the file is damaged ({how})"
