"""Reads a file of others in a child process, which can be ended: one changed byte may keep HDF5 busy for ever.

Inside the library nothing in the same process helps, neither Ctrl-C nor a thread that watches. The child is forked by a
process without threads, so that nothing has to be imported anew and no lock is held for ever; it does nothing but read.
"""

from __future__ import annotations

import logging
import os
import pickle
import resource
import signal
from collections.abc import Callable, Iterator
from typing import IO, Any, TypeVar

from gadgets.errors import DesparkError, RawDataError
from pipelines.forking import Forked

LIMIT_S = 10
"""Of processor time, for what is read at once; waiting for a slow disk does not count."""

AT_ONCE = 64
"""Things that are handed over together; a file is read in pieces of a few megabytes."""

logger = logging.getLogger(__name__)
ThingT = TypeVar("ThingT")


def in_child(make: Callable[[], Iterator[ThingT]], where: str) -> Iterator[ThingT]:
    """Give what a function gives that runs in a child process.

    Parameters
    ----------
    make
        Opens the file and reads it; can be pickled.
    where
        The file, for the message of an error.

    Raises
    ------
    RawDataError
        As `make` does; or the library that reads the file crashed, or did not come back.
    """
    source, sink = os.pipe()
    with os.fdopen(source, "rb") as pipe:
        try:
            child = Forked(_serve, (make, where, LIMIT_S, logger.getEffectiveLevel()), [sink])
        except OSError as error:
            raise RawDataError(f"{where}: cannot be read, no process can be started ({error})") from error
        finally:
            os.close(sink)
        is_over = False
        try:
            yield from _received(pipe)
            is_over = True
        finally:
            if not is_over:
                child.signal(signal.SIGKILL)
            code = child.wait()
            child.close()
    if code:
        raise RawDataError(f"{where}: cannot be read, the file is damaged ({_fate(code)})")


def _received(pipe: IO[bytes]) -> Iterator[Any]:
    while True:
        try:
            kind, content = pickle.load(pipe)
        except (EOFError, pickle.UnpicklingError):
            return
        if kind == "error":
            raise content
        if kind == "log":
            logging.getLogger(content.name).handle(content)
        else:
            yield from content


def _serve(make: Callable[[], Iterator[Any]], where: str, limit_s: int, level: int, sink: int) -> None:
    """Do the work of the child."""
    # Who gives up listening ends it without a word.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(sink, "wb", buffering=1 << 20) as pipe:
        # The parent's handlers know where records go.
        logging.basicConfig(level=level, handlers=[_ToParent(pipe)])
        _hand_over(make, pipe, where, limit_s)


def _hand_over(make: Callable[[], Iterator[Any]], pipe: IO[bytes], where: str, limit_s: int) -> None:
    def send(kind: str, content: object) -> None:
        pickle.dump((kind, content), pipe, protocol=pickle.HIGHEST_PROTOCOL)
        pipe.flush()

    things: list[Any] = []
    try:
        _grant_time(limit_s)
        for thing in make():
            things.append(thing)
            if len(things) == AT_ONCE:
                send("things", things)
                things = []
            _grant_time(limit_s)
        send("things", things)
    except DesparkError as error:
        send("things", things)
        send("error", type(error)(str(error)))
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        send("error", RawDataError(f"{where}: cannot be read ({str(error) or type(error).__name__})"))


def _grant_time(limit_s: int) -> None:
    """Let the kernel end this process once it has been busy for too long with one thing."""
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


def _fate(code: int) -> str:
    if code == -signal.SIGXCPU:
        return f"the library that reads it was busy for {LIMIT_S} s with one piece"
    return f"the library that reads it was ended by {signal.Signals(-code).name}" if code < 0 else "it was not read"
