"""Clients that a server has no room for: each is told why, and has a moment to read it.

The thread that accepts must not wait for anybody, so that they are closed later.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections import deque

logger = logging.getLogger(__name__)

_READS_S = 2.0
"""A client gets a moment to read why it is refused."""

_DRAIN_BYTES = 1 << 16


class RefusedClients:
    """Those that were refused and may still be reading why.

    Parameters
    ----------
    most
        Of those that take their time, only so many are waited for.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._reading: deque[tuple[float, socket.socket]] = deque()
        self._n_in_a_row = 0

    def __bool__(self) -> bool:
        """Whether any of them is still there."""
        return bool(self._reading)

    def add(self, connection: socket.socket, answer: bytes, said: str) -> None:
        """Refuse a client.

        Parameters
        ----------
        connection
            As accepted.
        answer
            What tells it why.
        said
            For the log.
        """
        # Said once for all that come together: who connects again and again must not fill the log.
        if not self._n_in_a_row:
            logger.warning("%s", said)
        self._n_in_a_row += 1
        with contextlib.suppress(OSError):
            connection.setblocking(False)
            # So few bytes have room in any socket.
            connection.send(answer)
            connection.shutdown(socket.SHUT_WR)
        self._reading.append((time.monotonic() + _READS_S, connection))

    def note_served(self) -> None:
        """Note that there was room for a client."""
        if self._n_in_a_row:
            logger.warning("connections are taken again, %d were refused", self._n_in_a_row)
            self._n_in_a_row = 0

    def let_go(self) -> None:
        """Close those that have read why, or have had the time to."""
        reading: deque[tuple[float, socket.socket]] = deque()
        for limit, connection in self._reading:
            # Read, because a close with unread data resets a connection, and its client may not see the reason.
            if time.monotonic() < limit and _is_sending(connection):
                reading.append((limit, connection))
            else:
                connection.close()
        while len(reading) > self._most:
            reading.popleft()[1].close()
        self._reading = reading

    def close(self) -> None:
        """Close all of them."""
        while self._reading:
            self._reading.popleft()[1].close()


def _is_sending(connection: socket.socket) -> bool:
    """Read what has come, and tell whether more may."""
    try:
        return bool(connection.recv(_DRAIN_BYTES))
    except BlockingIOError:
        return True
    except OSError:
        return False
