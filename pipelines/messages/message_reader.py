"""Reads whole messages from a socket, as far as their bytes arrive and not longer than the peer may take.

Memory grows with what was received, never with what was promised.
"""

from __future__ import annotations

import select
import struct
from collections.abc import Callable
from typing import Protocol

from gadgets.errors import PeerLostError, WireError
from gadgets.outside import Pace, memory_limit
from pipelines.messages.message_lengths import take_body
from pipelines.messages.messages import Message, MessageID

RECEIVE_BYTES = 256 << 10

_ID = struct.Struct("<H")


class Source(Protocol):
    """What bytes come from: a connected socket, or something that behaves like one."""

    def recv(self, bufsize: int, /) -> bytes:
        """Give bytes as soon as there are any; none at the end."""

    def gettimeout(self) -> float | None:
        """Say after how many seconds without a byte :meth:`recv` raises TimeoutError."""

    def fileno(self) -> int:
        """Give its descriptor."""


class MessageReader:
    """Reads whole messages from a socket.

    Parameters
    ----------
    connection
        A connected socket, or another source of bytes.
    peer
        Who is at the other end, for the message of an error.
    limit
        Largest message that is accepted, in bytes; what one scan may hold in memory where nothing is said.
    pause_s, stall_s
        How long the peer may take until its next message begins, and over one message; None: as long as it likes.
        The source needs a ``fileno()`` then.
    """

    def __init__(
        self,
        connection: Source,
        peer: str,
        limit: int | None = None,
        *,
        pause_s: float | None = None,
        stall_s: float | None = None,
    ) -> None:
        self._connection = connection
        self._peer = peer
        self._limit = memory_limit() if limit is None else limit
        self.pause_s = pause_s
        self._pace = None if stall_s is None else Pace(stall_s)
        self._received = b""
        self._position = 0
        self._message = bytearray()
        self._name = ""
        self.n_messages = 0

    def is_next(self, kind: MessageID, wait_s: float) -> bool:
        """Whether a message of a kind comes next, and soon; it stays to be read, as any other does."""
        return self.has_more(wait_s) and self._received[self._position :][: _ID.size] == _ID.pack(kind)

    def has_more(self, wait_s: float = 0.0) -> bool:
        """Whether anything comes, and soon; it stays to be read."""
        if self._position == len(self._received):
            watch = select.poll()
            watch.register(self._connection.fileno(), select.POLLIN)
            if not watch.poll(1000 * wait_s):
                return False
            try:
                self._receive(_ID.size)
            except PeerLostError:
                # Whoever reads the next message learns of it, too.
                return False
        return True

    def read(self, check: Callable[[MessageID], None] = lambda _: None) -> Message:
        """Read the next message.

        Parameters
        ----------
        check
            Called with its id before anything else of it is read; what it raises ends the reading.

        Raises
        ------
        PeerLostError
            The connection ended, within a message or between two.
        WireError
            The id is unknown, or a length is beyond all reason.
        """
        self._message = bytearray()
        self._name = ""
        if self._pace is not None:
            self._pace.begin()
        # Without an id that is known nobody can tell how long the message is: the stream cannot be read on.
        number = int(_ID.unpack(self.take(_ID.size))[0])
        try:
            kind = MessageID(number)
        except ValueError:
            raise WireError(f"{self._peer}: unknown message id {number} after {self.n_messages} messages") from None
        self._name = kind.name
        check(kind)
        take_body(kind, self)
        self.n_messages += 1
        return Message(kind, self._message)

    def take(self, count: int, limit: int | None = None) -> memoryview:
        """Move the next ``count`` bytes into the message and give a view of them."""
        start = len(self._message)
        # Of the whole message as well: many parts, each within a limit of its own, add up.
        most = min(self._limit - start, limit if limit is not None else self._limit)
        if count > most:
            raise WireError(
                f"{self._peer}: {self._name} message {self.n_messages + 1} declares {count} more bytes, "
                f"expected at most {most}"
            )
        while (missing := count - (len(self._message) - start)) > 0:
            if self._position == len(self._received):
                self._receive(missing)
            piece = self._received[self._position : self._position + missing]
            self._position += len(piece)
            self._message += piece
        # Copied, because a bytearray with views cannot grow.
        return memoryview(bytes(memoryview(self._message)[start : start + min(count, 1 << 16)]))

    def _receive(self, missing: int) -> None:
        self._wait(missing)
        try:
            # Much at once for acquisitions, which are small; for an array at most a megabyte, as it is copied once
            # more.
            self._received = self._connection.recv(max(RECEIVE_BYTES, min(missing, 4 * RECEIVE_BYTES)))
        except TimeoutError as error:
            raise PeerLostError(f"{self._peer}: nothing came for {self._connection.gettimeout():g} s") from error
        except OSError as error:
            raise PeerLostError(f"{self._peer}: connection lost {self._where(missing)} ({error.strerror})") from error
        self._position = 0
        if not self._received:
            raise PeerLostError(f"{self._peer}: connection ended {self._where(missing)}")

    def _wait(self, missing: int) -> None:
        """Wait for bytes, not longer than the peer may take.

        By poll() and not by a time-out of the socket, which would hold for those who send on it, too.
        """
        limit_s, what = self.pause_s, f"nothing came for {round(self.pause_s or 0, 1):g} s"
        if self._pace is not None and self._message:
            limit_s = self._pace.left_s(len(self._message))
            what = f"too little came {self._where(missing)}, in {self._pace.limit_s:g} s"
        if limit_s is not None:
            watch = select.poll()
            watch.register(self._connection.fileno(), select.POLLIN)
            if not watch.poll(1000 * limit_s):
                raise PeerLostError(f"{self._peer}: {what}")
        if self._pace is not None and not self._message:
            # A pause is over; from here on the message counts.
            self._pace.begin()

    def _where(self, missing: int) -> str:
        if not self._message:
            return f"after {self.n_messages} messages, without a CLOSE"
        name = self._name or "unidentified"
        return (
            f"in the middle of message {self.n_messages + 1} ({name}): "
            f"{len(self._message)} bytes came, at least {missing} more were expected"
        )
