"""How long a peer may take over one message."""

from __future__ import annotations

import time

STALL_S = 60.0
"""Within a message; between two of them a scan may pause."""

LEAST_BYTES_PER_S = 1 << 16
"""Slower than any network that a scanner hangs on."""


class Pace:
    """A deadline that moves on as long as bytes keep coming.

    One byte now and then is no progress: a peer that sends so keeps a thread, and what it has sent, for ever.

    Parameters
    ----------
    limit_s
        What a message may take; more as it grows, by :data:`LEAST_BYTES_PER_S`.
    """

    def __init__(self, limit_s: float = STALL_S) -> None:
        self.limit_s = limit_s
        self._start = time.monotonic()

    def begin(self) -> None:
        """Note that a message begins."""
        self._start = time.monotonic()

    def left_s(self, n_received: int) -> float:
        """Say how many seconds are left once so many bytes have come; 0 where none are."""
        end = self._start + self.limit_s + n_received / LEAST_BYTES_PER_S
        return max(end - time.monotonic(), 0.0)
