"""The host's side of a client's connection."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable

from gadgets.errors import PeerLostError
from gadgets.outside import Pace, memory_limit, send_at_pace
from pipelines.files import ArchivedScan
from pipelines.messages import CLOSE, Message, MessageID, MessageReader, text_message

FAREWELL_LIMIT_S = 10.0
"""How long a client may take after the scan has ended before its connection is closed."""

DRAIN_LIMIT = 12
"""So many times longer where it goes on sending at the pace of a scan."""

CLIENTS_SHARE = 4
"""The largest message of a client is this part of the memory that a scan may ask for."""

_RECEIVE_BYTES = 1 << 16


class ClientConnection:
    """A client, from its first message to the farewell.

    Parameters
    ----------
    connection
        As accepted.
    stall_s
        How long the client may take over one message; a few times longer over one that it is sent.
    """

    def __init__(self, connection: socket.socket, stall_s: float) -> None:
        self._socket = connection
        self._stall_s = stall_s
        # Acquisitions are far smaller, and several scans may hold one message each.
        self._reader = MessageReader(connection, "client", memory_limit() // CLIENTS_SHARE, stall_s=stall_s)
        # Every node of the chain may write to the client, each from the thread that reads it: messages must not mix.
        self._lock = threading.Lock()
        self._loss: PeerLostError | None = None
        self._archived: ArchivedScan | None = None
        # At once: held back by the system, a small message would wait until the one before is acknowledged.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        notice_dead_peers(connection)

    def read(self, check: Callable[[MessageID], None] = lambda _: None) -> Message:
        """Read the next message, once ``check`` has let its id pass; raises PeerLostError or WireError."""
        message = self._reader.read(check)
        if self._archived is not None:
            self._archived.add(message.data)
        return message

    def keep_in(self, archived: ArchivedScan | None) -> None:
        """Have every message that is read from now on added to an archive; None: to none."""
        self._archived = archived

    def text_ahead(self, wait_s: float) -> str | None:
        """Read a TEXT where one comes next, and soon; any other message stays to be read."""
        return self._reader.read().content if self._reader.is_next(MessageID.TEXT, wait_s) else None

    def send(self, message: Message) -> None:
        """Send a message; waits while the client is busy.

        Raises
        ------
        PeerLostError
            The client went away, or takes nothing any more.
        """
        with self._lock:
            if self._loss is not None:
                # Others wait here to send, too; behind a part of a message theirs would be taken for the rest.
                raise self._loss
            try:
                send_at_pace(self._socket, message.data, self._stall_s)
            except OSError as error:
                self._loss = PeerLostError(f"the client went away ({error.strerror or error})")
                raise self._loss from error

    def limit_silence(self, seconds: float | None) -> None:
        """Let :meth:`read` fail when no message begins for so long, and :meth:`send` when so long nobody takes it.

        None: wait for ever.
        """
        self._reader.pause_s = seconds
        self._socket.settimeout(None if seconds is None else max(seconds, 0.1))

    def is_lost(self) -> bool:
        """Whether the connection is broken, or closed here; one that only has no more to send is not."""
        if self._socket.fileno() < 0:
            return True
        watch = select.poll()
        # No event is asked for: errors and a connection that is closed on both sides are told unasked.
        watch.register(self._socket, 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in watch.poll(0))

    def stop_reading(self) -> None:
        """Let a thread that waits in :meth:`read` go on, as if the client had no more to send."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def farewell(self, reason: str = "", limit_s: float | None = None) -> None:
        """Send the reason of a failure, if there is one, and CLOSE; then let the client finish.

        What the client still sends is read and dropped, for a while: closing before would reset the connection, and
        the client would never see the reason.
        """
        pace = Pace(FAREWELL_LIMIT_S if limit_s is None else limit_s)
        last = [text_message(MessageID.TEXT, reason)] if reason else []
        # A thread may hang in a client that reads nothing; the session must end all the same.
        if self._loss is not None or not self._lock.acquire(timeout=pace.limit_s):
            return
        try:
            # The client may be gone already, and then there is nobody to tell.
            with contextlib.suppress(OSError):
                self._socket.settimeout(pace.limit_s)
                self._socket.sendall(b"".join(message.data for message in (*last, CLOSE)))
                # Only our side: the client reads to the end, and learns that nothing more comes.
                self._socket.shutdown(socket.SHUT_WR)
                self._drain(pace)
        finally:
            self._lock.release()

    def _drain(self, pace: Pace) -> None:
        """Read what still comes, as long as it comes at the pace of a scan."""
        pace.begin()
        n_received = 0
        end = time.monotonic() + DRAIN_LIMIT * pace.limit_s
        while (left_s := pace.left_s(n_received)) and time.monotonic() < end:
            self._socket.settimeout(left_s)
            piece = self._socket.recv(_RECEIVE_BYTES)
            if not piece:
                return
            n_received += len(piece)

    def abort(self) -> None:
        """Break the connection, so that threads that wait on it go on."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self.abort()
        self._socket.close()


def notice_dead_peers(connected: socket.socket) -> None:
    """Have the system ask now and then, so that a machine without power is noticed within two minutes."""
    if connected.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6)):
        if hasattr(socket, option):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
