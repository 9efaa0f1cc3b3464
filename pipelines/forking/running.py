"""A fork server that runs, as its owner sees it: asked for processes, and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket

from pipelines.forking.request import ENDED, REFUSED, news_from

START_LIMIT_S = 60.0
"""How long a process may take to begin: its server may have to import its libraries from a slow disk first."""

ANSWER_LIMIT_S = 15.0
"""The same of a server that has begun one before: a fork takes it milliseconds, and a scan waits meanwhile."""


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
