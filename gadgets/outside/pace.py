"""How long a peer may take over one message."""

from __future__ import annotations

import time

STALL_S = 60.0
"""Within a message; between two of them a scan may pause."""

LEAST_BYTES_PER_S = 1 << 16
"""Slower than any network that a scanner hangs on."""


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
