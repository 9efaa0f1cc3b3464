"""What goes out over a socket: small writes are gathered, and a peer that no longer takes them is lost for good."""

from __future__ import annotations

import socket
from typing import TypeAlias

from gadgets.errors import PeerLostError
from gadgets.outside import send_at_pace

Bytes: TypeAlias = bytes | memoryview

# Larger parts are sent in place: gathering them would cost a copy and save no call to the system.
_WRITE_AT_ONCE = 1 << 16


class Outgoing:
    """Gathers small writes; :meth:`flush` sends them.

    Parameters
    ----------
    connected
        A connected stream socket; without a time-out the peer may take what is sent as slowly as it likes.
    stall_s
        Else: how long it may take over one message, or a few times longer.
    """

    def __init__(self, connected: socket.socket, stall_s: float) -> None:
        self._socket = connected
        # Asked now: whoever reads from the same socket sets its time-out anew for each message.
        self._is_patient = connected.gettimeout() is None
        self._stall_s = stall_s
        self._pending: list[Bytes] = []
        self._n_pending = 0
        self._loss: PeerLostError | None = None

    def write(self, *parts: Bytes) -> None:
        """Write bytes in order; small ones are gathered until :meth:`flush`.

        Raises
        ------
        PeerLostError
            The other side no longer takes them.
        """
        for part in parts:
            n_bytes = memoryview(part).nbytes
            if n_bytes >= _WRITE_AT_ONCE:
                self.flush()
                # What was gathered earlier has gone out before it: the order of bytes is the protocol.
                self._send(part)
                continue
            self._pending.append(part)
            self._n_pending += n_bytes
        if self._n_pending >= _WRITE_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Send what was gathered."""
        if self._pending:
            # Forgotten before it is sent: after a failure, close() must not send it a second time.
            gathered = b"".join(self._pending)
            self._pending.clear()
            self._n_pending = 0
            self._send(gathered)

    def _send(self, content: Bytes) -> None:
        if self._loss is not None:
            # A part of something is on its way: whatever came behind it would be taken for the rest.
            raise self._loss
        try:
            self._socket.settimeout(None)
            if self._is_patient:
                # Whoever waits for ever for its peer leaves it to others to watch it.
                self._socket.sendall(content)
            else:
                send_at_pace(self._socket, content, self._stall_s)
        except OSError as error:
            self._loss = PeerLostError(f"the connection broke while sending: {error}")
            raise self._loss from error
