"""A process that the fork server has forked, as a child of this one would be."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipelines.forking.owner import fork_process
from pipelines.forking.request import MOST_DESCRIPTORS, Request, news_from

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Forked:
    """A process that calls a function and ends.

    It has our working directory, a process group of its own, and writes nowhere unless the function sees to it. It
    ends with us, and with this object it is not ended.

    Parameters
    ----------
    function
        Of a module, so that it can be found there; its return, exception or SystemExit makes the exit code.
    arguments
        What it is called with: values that can be pickled.
    descriptors
        Files and sockets, whose descriptors over there it is called with after the arguments.
    environment
        Ours, where none is given.

    Raises
    ------
    OSError
        No process can be started.
    """

    def __init__(
        self,
        function: Callable[..., object],
        arguments: tuple[Any, ...] = (),
        descriptors: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        request = Request(dict(os.environ if environment is None else environment), function, arguments)
        content = pickle.dumps(request, protocol=pickle.HIGHEST_PROTOCOL)
        assert len(descriptors) < MOST_DESCRIPTORS
        self._lock = threading.Lock()
        self._code: int | None = None
        self.pid, self._talk = fork_process()
        try:
            self._ask(content, descriptors)
        except (BrokenPipeError, ConnectionResetError):
            # It has ended already, and whoever asks learns how.
            pass
        except BaseException:
            self._talk.close()
            raise
        # The limit was for the start; it may run as long as it wants.
        self._talk.settimeout(None)

    def _ask(self, content: bytes, descriptors: Sequence[int]) -> None:
        try:
            folder = os.open(".", _FOLDER)
        except OSError:
            # It may be closed to this user: that of whoever has started a service, for example.
            folder = os.open("/", _FOLDER)
        try:
            socket.send_fds(self._talk, [b"r"], [folder, *descriptors])
        finally:
            os.close(folder)
        self._talk.sendall(content)

    def wait(self, limit_s: float | None = None) -> int | None:
        """Wait for its end and give its exit code, negative for a signal; None where it still runs after `limit_s`."""
        number = self._talk.fileno()
        if self._code is None and number >= 0:
            poll = select.poll()
            poll.register(number, select.POLLIN)
            poll.poll(None if limit_s is None else limit_s * 1000)
            self._look()
        return self._code

    def signal(self, number: int) -> None:
        """Send a signal to it, if it still runs."""
        if self.wait(0) is None:
            with contextlib.suppress(ProcessLookupError):
                # The whole group: it may have started processes of its own, which would outlive it.
                os.killpg(self.pid, number)

    def close(self) -> None:
        """Watch it no longer; how it ended is still known, if it has."""
        self._look()
        with self._lock:
            self._talk.close()

    def _look(self) -> None:
        """See whether it has ended."""
        # Others may ask at the same time, or close the socket while one waits.
        with self._lock, contextlib.suppress(BlockingIOError):
            if self._code is None and self._talk.fileno() >= 0:
                news = news_from(self._talk, socket.MSG_DONTWAIT)
                # Where the server is gone nobody can tell, and the kernel has killed what it had forked.
                self._code = -signal.SIGKILL if news is None else news[1]
