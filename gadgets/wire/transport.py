"""A buffered socket that takes the place of the one inside a ``gadgetron`` Connection."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gadgets.errors import PeerLostError, WireError
from gadgets.outside import STALL_S, Pace, memory_limit
from gadgets.wire.outgoing import Bytes, Outgoing

MESSAGE_ID = struct.Struct("<H")
COUNT = struct.Struct("<Q")
PRESENT = struct.Struct("<?")
CLOSE, TEXT, ERROR = 4, 5, 8

# Much larger than an acquisition: one call to the system brings several. Larger parts are read in place.
_BUFFER_BYTES = 1 << 18


class Transport:
    """Reads exactly what is asked for and gathers small writes, which go out before a read has to wait.

    Parameters
    ----------
    connected
        A connected stream socket; its time-out, where it has one, is kept as the longest pause of the stream.
    stall_s
        How long the peer may take over one message; over what it is sent a few times longer, and for ever where the
        stream may pause for ever.

    Attributes
    ----------
    max_bytes
        The largest message that is read: counts in messages are 64 bits wide, and one that is damaged says anything.
    is_at_end
        Whether the CLOSE of the input was read: nothing comes behind it, and the peer waits for an answer.
    """

    def __init__(self, connected: socket.socket, stall_s: float = STALL_S) -> None:
        self.socket = connected
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._start = self._stop = 0
        self._outgoing = Outgoing(connected, stall_s)
        self._pause_s = connected.gettimeout()
        self._pace = Pace(stall_s)
        self._n_message = 0
        self.max_bytes = memory_limit()
        self.is_at_end = False

    def read(self, n_bytes: int) -> Bytes:
        """Read exactly so many bytes.

        Raises
        ------
        PeerLostError
            The stream ended, or paused for longer than the socket's time-out.
        WireError
            More bytes are announced than can be held.
        """
        stop = self._start + n_bytes
        if n_bytes == MESSAGE_ID.size:
            # Nothing else has this size: a message begins. What the node did since the last one is not its peer's time.
            self._pace.begin()
            self._n_message = 0
        if stop > self._stop:
            if n_bytes > _BUFFER_BYTES:
                return self._read_large(n_bytes)
            self._fill(n_bytes)
            stop = self._start + n_bytes
        # A copy, because the next read fills the same buffer again.
        chunk = bytes(self._buffer[self._start : stop])
        self._start = stop
        return chunk

    def _fill(self, n_bytes: int) -> None:
        """Make at least so many bytes available in the buffer."""
        available = self._stop - self._start
        self._buffer[:available] = self._buffer[self._start : self._stop]
        self._start, self._stop = 0, available
        while self._stop < n_bytes:
            # Only the id of a message is read when none of it is there yet.
            is_pause = n_bytes == MESSAGE_ID.size and self._stop == 0
            self._stop += self._receive(self._buffer[self._stop :], n_bytes - self._stop, is_pause=is_pause)

    def _read_large(self, n_bytes: int) -> Bytes:
        if n_bytes > self.max_bytes:
            raise WireError(f"expected at most {self.max_bytes} bytes in one array, found {n_bytes} announced")
        try:
            # Pages are only touched as bytes arrive, so a wrong count does not fill the memory.
            target = np.empty(n_bytes, np.uint8).data
        except MemoryError as error:
            raise WireError(f"no memory for an array of {n_bytes} bytes that the stream announces") from error
        available = self._stop - self._start
        target[:available] = self._buffer[self._start : self._stop]
        self._start = self._stop = 0
        while available < n_bytes:
            available += self._receive(target[available:], n_bytes - available)
        return target.toreadonly()

    def _receive(self, target: memoryview, n_wanted: int, *, is_pause: bool = False) -> int:
        self.flush()
        # Flushed before, because the peer may wait for just that before it sends more: both would wait for ever.
        limit_s = self._pause_s if is_pause else self._pace.left_s(self._n_message)
        try:
            if limit_s == 0:
                raise TimeoutError
            self.socket.settimeout(limit_s)
            n_received = self.socket.recv_into(target)
        except TimeoutError as error:
            if is_pause:
                raise PeerLostError(f"nothing came for {limit_s:g} s, between messages") from error
            raise PeerLostError(
                f"too little came in {self._pace.limit_s:g} s, {n_wanted} bytes short of a whole message"
            ) from error
        except OSError as error:
            raise PeerLostError(f"the connection broke: {error}") from error
        if not n_received:
            raise PeerLostError(f"the stream ended without CLOSE, {n_wanted} bytes short of a whole message")
        if is_pause:
            self._pace.begin()
        self._n_message += n_received
        # An array may be of any size below; many of them in one message add up.
        if self._n_message > self.max_bytes + _BUFFER_BYTES:
            raise WireError(f"expected a message of at most {self.max_bytes} bytes, found a longer one")
        return n_received

    def write(self, *parts: Bytes) -> None:
        """Write bytes in order; small ones are gathered until :meth:`flush` or the next read that waits.

        Raises
        ------
        PeerLostError
            The other side no longer takes them.
        """
        self._outgoing.write(*parts)

    def flush(self) -> None:
        """Send what was gathered."""
        self._outgoing.flush()

    def is_lost(self) -> bool:
        """Whether nobody takes what is sent; a peer that only sends no more may still read."""
        watch = select.poll()
        # No event is asked for: errors, and an end in both directions, are told unasked.
        watch.register(self.socket, 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in watch.poll(0))

    def discard_input(self, quiet_s: float) -> None:
        """Read input that cannot be parsed, to its end as far as that can be seen.

        Stops at the end of the stream, shortly after bytes that look like CLOSE, when nothing came for ``quiet_s``
        seconds, or when so little comes that it could go on for ever.
        """
        self._pace.begin()
        n_discarded = 0
        last = bytes(self._buffer[max(self._start, self._stop - 2) : self._stop])
        self._start = self._stop = 0
        with contextlib.suppress(OSError, PeerLostError):
            while self._pace.left_s(n_discarded):
                # Samples may look like a CLOSE by chance, so a moment is waited for what follows.
                looks_closed = last == MESSAGE_ID.pack(CLOSE)
                self.socket.settimeout(min(0.2, quiet_s) if looks_closed else quiet_s)
                n_received = self.socket.recv_into(self._buffer)
                if not n_received:
                    return
                n_discarded += n_received
                last = (last + bytes(self._buffer[max(n_received - 2, 0) : n_received]))[-2:]

    def close(self) -> None:
        """Send what was gathered and CLOSE; a peer that is gone by then is no concern any more."""
        with contextlib.suppress(PeerLostError, OSError):
            self.write(MESSAGE_ID.pack(CLOSE))
            self.flush()
        self.socket.close()


def bytes_of(array: NDArray[Any]) -> memoryview:
    """Give the bytes of an array in C order, without a copy where they already lie so."""
    content: memoryview = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return content
