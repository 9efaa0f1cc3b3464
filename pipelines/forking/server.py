"""The fork server: a process with one thread that has imported what nodes and readers need, and forks them.

Its owner sends it one end of a socket pair for each process that it wants. The server forks, tells there that the
process has started and, later, how it ended; what the process is to do it reads there itself. So nothing that is asked
for can hold the server up. Both end when the owner is gone: the server reads the end of its own socket, and the kernel
kills what it has forked. Nobody else can reach it, as its sockets have no names.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from typing import NoReturn

from pipelines.forking.request import ENDED, NEWS, REFUSED, STARTED, do_what_is_asked, end_with

_NO_DESCRIPTOR = 1 << 16


def serve(control: socket.socket, imports: Iterator[None] | None = None) -> NoReturn:
    """Be the server until the owner is gone.

    Parameters
    ----------
    control
        From where sockets come.
    imports
        Imports one module after the other, whenever nobody asks for a process.
    """
    try:
        # Behind the three that every process has: of an owner that has none it may be one of them.
        own = socket.socket(fileno=fcntl.fcntl(control, fcntl.F_DUPFD_CLOEXEC, 3))
        _detach(own)
        _Server(own, imports).run()
    finally:
        os._exit(0)


def _detach(control: socket.socket) -> None:
    """Let go of all that came from the owner: whoever waits for an end of it is not to wait for us as well."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # One that is ignored stays so: that is how nohup works.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    os.closerange(3, control.fileno())
    os.closerange(control.fileno() + 1, _NO_DESCRIPTOR)
    sys.stdout, sys.stderr = (
        os.fdopen(descriptor, "w", 1, "utf-8", "backslashreplace", closefd=False) for descriptor in (1, 2)
    )


class _Server:
    def __init__(self, control: socket.socket, imports: Iterator[None] | None) -> None:
        self._control = control
        self._imports = imports or iter(())
        self._has_imported = False
        # By the number of the process whose fate is told there.
        self._talks: dict[int, socket.socket] = {}
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        """Fork, import and tell how processes ended, until the owner is gone."""
        is_owned = True
        while is_owned:
            ready = select.select([self._control, self._woken], [], [], None if self._has_imported else 0)[0]
            if self._woken in ready:
                self._tell_ends()
            if self._control in ready:
                is_owned = self._fork()
            elif not ready:
                self._import()

    def _import(self) -> None:
        # Whatever a package raises: who needs it imports it again, and says what is wrong.
        with contextlib.suppress(Exception):
            for _ in self._imports:
                return
        self._has_imported = True
        # What is there by now stays. Never looked at again by the collector, its memory is shared with all forks.
        gc.freeze()

    def _fork(self) -> bool:
        """Fork the process that is asked for; False where the owner is gone."""
        message, descriptors, *_ = socket.recv_fds(self._control, 1, 1, socket.MSG_CMSG_CLOEXEC)
        if not message:
            return False
        talk = socket.socket(fileno=descriptors[0])
        server = os.getpid()
        try:
            process = os.fork()
        except OSError as error:
            _tell(talk, REFUSED, error.errno or errno.EAGAIN)
            return True
        if process == 0:
            self._be_forked(talk, server)
        # As the process does itself: whichever comes first, the owner can end it from the moment on that he is told.
        with contextlib.suppress(OSError):
            os.setpgid(process, process)
        # Not by the process: one that was stopped before it could would be taken for a server that hangs.
        with contextlib.suppress(OSError):
            talk.sendall(NEWS.pack(STARTED, process))
        self._talks[process] = talk
        return True

    def _be_forked(self, talk: socket.socket, server: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (self._control, self._woken, self._waker, *self._talks.values()):
                other.close()
            os.setpgid(0, 0)
            end_with(server)
            code = do_what_is_asked(talk)
        finally:
            os._exit(code)

    def _tell_ends(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(1 << 16)
        for process in list(self._talks):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                _tell(self._talks.pop(process), ENDED, os.waitstatus_to_exitcode(status))


def _tell(talk: socket.socket, kind: bytes, number: int) -> None:
    # Nobody may be interested any more.
    with talk, contextlib.suppress(OSError):
        talk.sendall(NEWS.pack(kind, number))
