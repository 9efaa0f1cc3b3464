"""The owner's side of the fork server: there is one in a process, it starts when it is needed, and ends with us."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from pipelines.forking.environment import clean_environment
from pipelines.forking.request import end_with
from pipelines.forking.running import ForkServer
from pipelines.forking.server import serve
from pipelines.thread_limits import LIMITS

logger = logging.getLogger(__name__)

IMPORTS = "pipelines.host.nodes.node_start"
"""The module whose ``imports()`` import what nodes and readers need."""

_SPAWNED = Path(__file__).absolute().with_name("spawned.py")
_lock = threading.Lock()


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
    try:
        process = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        raise
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
