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
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

from gadgets.errors import RawDataError
from gadgets.outside import machine_bytes
from pipelines.files.foreign.in_the_child import AT_ONCE, Limits, serve
from pipelines.forking import Forked

LIMIT_S = 5
"""Of processor time, for what is read at once; waiting for a slow disk does not count."""

ROOM_BYTES = 512 << 20
"""Of memory, beyond what the child has when it begins: a file is read in pieces of a few megabytes."""

COPIES, UNPACKED = 4, 64
"""So many times the size of a file more memory may be taken: a piece of it may be nearly all, and is converted; in one
that is read whole the pixels may be packed, too."""

LEAST_BYTES_PER_S = 4 << 20
"""Of a file that is read whole before anything can be given."""

FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""That no library sends to itself: a system without memory does, and so do people."""

logger = logging.getLogger(__name__)
ThingT = TypeVar("ThingT")


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
            # Who stops before the end does not wait for the rest.
            if not is_over:
                child.signal(signal.SIGKILL)
            code = child.wait()
            child.close()
    if code:
        raise RawDataError(f"{_text(where)}: cannot be read, {_fate(code, limits)}")


def _start(make: Callable[[], Iterator[ThingT]], limits: Limits) -> tuple[int, Forked]:
    """Start the child, and give the end of the pipe from which to read what it gives."""
    source, sink = os.pipe()
    try:
        return source, Forked(serve, (make, limits, logger.getEffectiveLevel()), [sink])
    except BaseException:
        os.close(source)
        raise
    finally:
        # The child alone holds it from now on: as long as we did, the pipe would not end with it.
        os.close(sink)


def _limits_for(sizes: Sequence[int], n_bytes: int) -> Limits:
    seconds = LIMIT_S + max(sizes, default=0) // LEAST_BYTES_PER_S
    # More than the machine has would bring others down with it.
    room = min(ROOM_BYTES + max(COPIES * n_bytes, UNPACKED * max(sizes, default=0)), machine_bytes() // 2)
    if not sizes:
        return Limits(seconds, room, math.inf, AT_ONCE)
    # Each by itself, so that whoever reads several files knows which of them is at fault.
    return Limits(seconds, room, ROOM_BYTES + UNPACKED * sum(sizes), 1)


def _text(where: str | Callable[[], str]) -> str:
    return where if isinstance(where, str) else where()


def _received(pipe: IO[bytes], where: str | Callable[[], str]) -> Iterator[Any]:
    while True:
        try:
            kind, content = pickle.load(pipe)
        except (EOFError, pickle.UnpicklingError):
            # It has ended, well or in the middle of something: its exit code tells.
            return
        if kind == "error":
            raise content
        if kind == "reason":
            raise RawDataError(f"{_text(where)}: cannot be read ({content})")
        if kind == "log":
            logging.getLogger(content.name).handle(content)
        else:
            yield from content


def _fate(code: int, limits: Limits) -> str:
    if -code in FROM_OUTSIDE:
        return f"the process that reads it was ended by {signal.Signals(-code).name}; is there enough memory?"
    if code == -signal.SIGXCPU:
        how = f"the library that reads it was busy for {limits.seconds} s with one piece"
    else:
        how = f"the library that reads it was ended by {signal.Signals(-code).name}" if code < 0 else "it was not read"
    return f"the file is damaged ({how})"
