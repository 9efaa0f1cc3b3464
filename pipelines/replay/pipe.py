"""Pipes of a shell: waited for, written to the end, and seen to be broken."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Callable
from typing import Any, TypeVar

from gadgets.errors import PeerLostError

MovedT = TypeVar("MovedT", bytes, int)


class Pipe(io.RawIOBase):
    """A file descriptor that is waited for, also where a program that shares it has switched the waiting off.

    Parameters
    ----------
    descriptor
        Of a pipe or a file; it stays open.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def recv(self, bufsize: int, /) -> bytes:
        """Give bytes as soon as there are any; none at the end."""
        return self._awaited(select.POLLIN, lambda: os.read(self._descriptor, bufsize))

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever holds bytes
        """Read bytes into a buffer as soon as there are any, and give their number."""
        return self._awaited(select.POLLIN, lambda: os.readv(self._descriptor, [buffer]))

    def write(self, content: Any, /) -> int:  # noqa: ANN401 - whatever holds bytes
        """Write as many bytes as there is room for, at least one, and give their number."""
        return self._awaited(select.POLLOUT, lambda: os.write(self._descriptor, content))

    def _awaited(self, event: int, act: Callable[[], MovedT]) -> MovedT:
        watch = select.poll()
        watch.register(self._descriptor, event)
        while True:
            try:
                return act()
            except BlockingIOError:
                watch.poll()

    def readable(self) -> bool:
        """Say that it may be read."""
        return True

    def writable(self) -> bool:
        """Say that it may be written."""
        return True

    def gettimeout(self) -> None:
        """Say that a pipe may pause for ever."""

    def fileno(self) -> int:
        """Give the descriptor."""
        return self._descriptor


def write_all(sink: Pipe, content: bytes | bytearray | memoryview) -> None:
    """Write all of it; raises PeerLostError where nobody reads."""
    left = memoryview(content)
    while left:
        try:
            # A pipe takes as much as it has room for.
            left = left[sink.write(left) :]
        except OSError as error:
            raise PeerLostError(f"the output stream cannot be written ({error.strerror})") from error


def is_lost(sink: Pipe) -> bool:
    """Whether nobody reads what is written to a pipe."""
    watch = select.poll()
    # No event is asked for: that nobody reads is told in any case.
    watch.register(sink, 0)
    return any(event & select.POLLERR for _, event in watch.poll(0))
