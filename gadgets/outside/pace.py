"""How long a peer may take over one message, that it sends or that it is sent."""

from __future__ import annotations

import select
import socket
import time

STALL_S = 60.0
"""Within a message; between two of them a scan may pause."""

LEAST_BYTES_PER_S = 1 << 16
"""Slower than any network that a scanner hangs on."""

TAKES = 5.0
"""So many times longer than over what it sends a peer may take over what it is sent: it may have to hand that on to
others, who work."""


class Pace:
    """A deadline that moves on as long as bytes keep coming.

    One byte now and then is no progress: a peer that sends so keeps a thread, and what it has sent, for ever. Nor does
    much that came at once allow for a long silence after it.

    Parameters
    ----------
    limit_s
        What a message may take, and longer as it grows by :data:`LEAST_BYTES_PER_S`; the longest silence, too.
    """

    def __init__(self, limit_s: float = STALL_S) -> None:
        self.limit_s = limit_s
        self.begin()

    def begin(self) -> None:
        """Note that a message begins."""
        self._asked, self._left_s, self._n_received = time.monotonic(), self.limit_s, 0

    def left_s(self, n_received: int) -> float:
        """Say how many seconds are left once so many bytes of the message have come; 0 where none are."""
        now = time.monotonic()
        # Bytes are turned into time, so that one budget bounds both the slowness of a message and its silences.
        gained_s = (n_received - self._n_received) / LEAST_BYTES_PER_S
        self._left_s = min(max(self._left_s - (now - self._asked) + gained_s, 0.0), self.limit_s)
        self._asked, self._n_received = now, n_received
        return self._left_s


def send_at_pace(connected: socket.socket, content: bytes | bytearray | memoryview, stall_s: float) -> None:
    """Send bytes to a peer that keeps taking them.

    Parameters
    ----------
    connected
        Without a time-out.
    content
        All of it is sent.
    stall_s
        How long the peer may take over a message of its own; here :data:`TAKES` times as long.

    Raises
    ------
    TimeoutError
        Too little of it was taken.
    OSError
        The connection broke.
    """
    pace, rest = Pace(TAKES * stall_s), memoryview(content).cast("B")
    n_sent = 0
    while n_sent < len(rest):
        try:
            # By itself, and not by a time-out of the socket, which would hold for those who read from it, too.
            n_sent += connected.send(rest[n_sent:], socket.MSG_DONTWAIT)
        except BlockingIOError:
            watch = select.poll()
            watch.register(connected, select.POLLOUT)
            if not watch.poll(1000 * pace.left_s(n_sent)):
                raise TimeoutError(f"too little of what was sent was taken, in {pace.limit_s:g} s") from None
