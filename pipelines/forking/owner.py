"""The owner's side of the fork server: there is one in a process, it starts when it is needed, and ends with us."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from pipelines.forking.environment import clean_environment
from pipelines.forking.request import ENDED, REFUSED, end_with, news_from
from pipelines.forking.server import serve
from pipelines.thread_limits import LIMITS

logger = logging.getLogger(__name__)

START_LIMIT_S = 60.0
"""How long a process may take to begin: its server may have to import its libraries from a slow disk first."""

ANSWER_LIMIT_S = 15.0
"""The same of a server that has begun one before: a fork takes it milliseconds, and a scan waits meanwhile."""

IMPORTS = "pipelines.host.node_start"
"""The module whose ``imports()`` import what nodes and readers need."""

_SPAWNED = Path(__file__).absolute().with_name("spawned.py")
_lock = threading.Lock()


class ForkServer:
    """A server that runs.

    Parameters
    ----------
    process
        Its number.
    control
        Where it is told to fork.
    """

    def __init__(self, process: int, control: socket.socket) -> None:
        self.process = process
        self._control = control
        self._has_answered = False

    def fork(self) -> tuple[int, socket.socket]:
        """Have a process forked, and give its number and the socket on which it waits for what it is to do.

        Raises
        ------
        EOFError
            The server is gone.
        OSError
            No process can be started.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._send(theirs)
            ours.settimeout(min(ANSWER_LIMIT_S, START_LIMIT_S) if self._has_answered else START_LIMIT_S)
            number = _process_of(ours)
            self._has_answered = True
            ours.settimeout(START_LIMIT_S)
            return number, ours
        except BaseException:
            ours.close()
            raise

    def _send(self, end: socket.socket) -> None:
        try:
            socket.send_fds(self._control, [b"f"], [end.fileno()])
        except OSError:
            # Nobody is there, or another thread has seen so and closed the socket.
            raise EOFError from None

    def end(self) -> None:
        """End it, and what it has forked."""
        self._control.close()
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)


def _process_of(talk: socket.socket) -> int:
    """Give the number of a process, once it has started."""
    if (news := news_from(talk)) is None:
        raise EOFError
    kind, number = news
    if kind == ENDED:
        how = f"killed by {signal.Signals(-number).name}" if number < 0 else f"exit code {number}"
        raise ChildProcessError(f"it ended before it began, {how}")
    if kind == REFUSED:
        raise OSError(number, os.strerror(number))
    return number


_running: list[ForkServer] = []
"""The one of this process, if it has one."""

_left: list[ForkServer] = []
"""Those that no longer answer: what they have forked before may be in the middle of a scan, and ends with them."""


def fork_process() -> tuple[int, socket.socket]:
    """Have a process forked by the server of this process, which is started where there is none; see ForkServer.

    Raises
    ------
    OSError
        No process can be started.
    """
    # A server that was killed is followed by another one; that is not to go on for ever.
    for _ in range(2):
        with _lock:
            if not _running:
                _running.append(_spawn())
            server = _running[0]
        try:
            return server.fork()
        except EOFError:
            with _lock:
                if server in _running:
                    logger.warning("the process that forks others is gone; another one takes its place")
                    _running.remove(server)
                    server.end()
        except TimeoutError:
            with _lock:
                if server in _running:
                    logger.warning("the process that forks others does not answer; another one takes its place")
                    _running.remove(server)
                    _left.append(server)
    raise ChildProcessError("the process that starts others ends as soon as it is asked")


def fork_here(*, for_nodes: bool) -> None:
    """Make a fork of this process the server: it has imported nearly all by now.

    Where threads run already nothing is done, as what they hold at this moment nobody would give back in the fork. The
    server is then started as a program of its own, when it is needed.

    Parameters
    ----------
    for_nodes
        Whether it is to import what nodes need, too.
    """
    if _running or len([*Path("/proc/self/task").iterdir()]) > 1:
        return
    ours, theirs = socket.socketpair()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        # Or what has not been written yet would be written twice.
        stream.flush()
    owner = os.getpid()
    process = os.fork()
    if process == 0:
        try:
            # A session of its own: Ctrl-C in the terminal reaches the owner, who ends what it has started in order.
            os.setsid()
            # One that is stopped does not see that its socket has ended.
            end_with(owner)
            _leave_working_directory()
            serve(theirs, _imports() if for_nodes else None)
        finally:
            # Whatever comes before it serves, as Ctrl-C may: it is no second command.
            os._exit(0)
    theirs.close()
    _running.append(ForkServer(process, ours))


def _spawn() -> ForkServer:
    ours, theirs = socket.socketpair()
    with theirs:
        # In the place of standard input: the number is known to the program, and nothing else is handed on.
        actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)]
        # Its linear algebra must have no threads; nodes limit themselves to one in any case.
        environment = {**clean_environment(), **LIMITS}
        program = [sys.executable, str(_SPAWNED)]
        # A session of its own from the start, as above: an interpreter that begins answers Ctrl-C with a traceback.
        process = os.posix_spawn(sys.executable, program, environment, file_actions=actions, setsid=True)
    return ForkServer(process, ours)


def _imports() -> Iterator[None]:
    yield from importlib.import_module(IMPORTS).imports()


def be_spawned(control: socket.socket) -> None:
    """Be the server in a process of its own; everything is imported before the first fork."""
    with contextlib.suppress(Exception):
        # Who needs what cannot be imported says so itself.
        for _ in _imports():
            pass
    serve(control)


def _leave_working_directory() -> None:
    """Import nothing more from the working directory, which ``python -m`` and ``-c`` put first: data may lie there."""
    named = list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    here = {""}
    # One that has been removed has no name, and nothing is imported from there.
    with contextlib.suppress(OSError):
        here.add(str(Path.cwd()))
    sys.path[:] = [folder for folder in sys.path if folder in named or folder not in here]


@atexit.register
def _end() -> None:
    for server in (*_running, *_left):
        server.end()
    _running.clear()
    _left.clear()
