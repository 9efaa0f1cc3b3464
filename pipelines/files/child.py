"""Reads a file of others in a child process, which can be ended: one changed byte may keep HDF5 busy for ever.

Inside the library nothing in the same process helps, neither Ctrl-C nor a thread that watches. The child is a fork, so
that nothing has to be imported anew, and it does nothing but read.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import pickle
import resource
import select
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar

from gadgets.errors import DesparkError, RawDataError

LIMIT_S = 10
"""Of processor time, for what is read at once; waiting for a slow disk does not count."""

AT_ONCE = 64
"""Things that are handed over together; a file is read in pieces of a few megabytes."""

PATIENCE_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""How long a child may sleep twice in a row before its first piece of the file: then another one is tried."""

# Opened before any fork: the child should not have to load a library for it.
_PRCTL = ctypes.CDLL(None).prctl
_PR_SET_PDEATHSIG = 1

logger = logging.getLogger(__name__)
ThingT = TypeVar("ThingT")


def in_child(make: Callable[[], Iterator[ThingT]], where: str) -> Iterator[ThingT]:
    """Give what a function gives that runs in a child process.

    Parameters
    ----------
    make
        Opens the file and reads it.
    where
        The file, for the message of an error.

    Raises
    ------
    RawDataError
        As `make` does; or the library that reads the file crashed, or did not come back.
    """
    for patience_s in PATIENCE_S:
        source, child = _forked(make, where)
        is_over = has_begun = False
        try:
            with os.fdopen(source, "rb") as pipe:
                if has_begun := _has_begun(source, child, patience_s):
                    yield from _received(pipe)
                    is_over = True
        finally:
            if not is_over:
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        if has_begun:
            if status:
                raise RawDataError(f"{where}: cannot be read, the file is damaged ({_fate(status)})")
            return
        logger.debug("%s: the process that reads it hangs, another one is started", where)
    raise RawDataError(f"{where}: cannot be read, the process that reads it hangs")


def _forked(make: Callable[[], Iterator[Any]], where: str) -> tuple[int, int]:
    """Start a child; give the end of the pipe from which to read, and the child's number."""
    source, sink = os.pipe()
    with warnings.catch_warnings():
        # Of threads that a fork leaves behind, the newest Pythons warn: see _has_begun.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _serve(make, sink, where)
    os.close(sink)
    return source, child


def _has_begun(source: int, child: int, patience_s: float) -> bool:
    """Wait for the first that a child hands over; False where it does nothing but wait.

    At the fork another thread may hold a lock, of a module that it imports, say. In the child nobody gives it back.
    What the child needs it has needed once the first piece of the file is there, and so far nothing is lost.
    """
    before = 0
    while not select.select([source], [], [], patience_s)[0]:
        # Fields of /proc/PID/stat behind the name: the state, and ticks of processor time from the twelfth on.
        fields = Path(f"/proc/{child}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        used = int(fields[11]) + int(fields[12])
        # S: it sleeps, but not for a disk, which would be D.
        if fields[0] == "S" and used == before:
            return False
        before = used
    return True


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


def _serve(make: Callable[[], Iterator[Any]], sink: int, where: str) -> NoReturn:
    """Do the work of the child, and end it without anything that the parent would do at its end."""
    code = 1
    try:
        # Connections of the parent must end when it ends them; what it has open in HDF5 must not be closed from here.
        gc.disable()
        os.closerange(3, sink)
        os.closerange(sink + 1, 1 << 16)
        # One that hangs would outlive its parent, and keep the terminal that both write to.
        _PRCTL(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with os.fdopen(sink, "wb", buffering=1 << 20) as pipe:
            # The parent's own handlers may wait for a lock of a thread that is not here.
            logging.getLogger().handlers = [_ToParent(pipe)]
            _hand_over(make, pipe, where)
        code = 0
    finally:
        os._exit(code)


def _hand_over(make: Callable[[], Iterator[Any]], pipe: IO[bytes], where: str) -> None:
    def send(kind: str, content: object) -> None:
        pickle.dump((kind, content), pipe, protocol=pickle.HIGHEST_PROTOCOL)
        pipe.flush()

    things: list[Any] = []
    try:
        _grant_time()
        for thing in make():
            things.append(thing)
            if len(things) == AT_ONCE:
                send("things", things)
                things = []
            _grant_time()
        send("things", things)
    except DesparkError as error:
        send("things", things)
        send("error", type(error)(str(error)))
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        send("error", RawDataError(f"{where}: cannot be read ({str(error) or type(error).__name__})"))


def _grant_time() -> None:
    """Let the kernel end this process once it has been busy for too long with one thing."""
    used = sum(os.times()[:2])
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(used) + 1 + LIMIT_S
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


def _fate(status: int) -> str:
    number = os.waitstatus_to_exitcode(status)
    if number == -signal.SIGXCPU:
        return f"the library that reads it was busy for {LIMIT_S} s with one piece"
    return f"the library that reads it was ended by {signal.Signals(-number).name}" if number < 0 else "it was not read"
