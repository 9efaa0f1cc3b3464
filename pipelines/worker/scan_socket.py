"""The worker's side of a scan's connection: its opening is read ahead, mended, and only then parsed.

The ``gadgetron`` package parses configuration and header as soon as it gets a socket: it would spin for ever on one
that ends there, and fail on headers that its parser cannot read.
"""

from __future__ import annotations

import logging
import math
import socket
import struct
import time

from gadgets.errors import PeerLostError, WireError
from gadgets.outside import MAX_XML_BYTES, STALL_S, Pace
from pipelines.files import ArchivedScan
from pipelines.host import notice_dead_peers
from pipelines.messages import MessageID

logger = logging.getLogger(__name__)

# For what came before the end of reading. A peer that sends without a pause would never let it end.
_LAST_S = 1.0


class ScanSocket(socket.socket):
    """A connected socket that can be given bytes to read before those that come.

    Parameters
    ----------
    connected
        The socket, which this one takes over.
    name
        Where it comes from, for the log.
    """

    def __init__(self, connected: socket.socket, name: str = "") -> None:
        # Taken over, not copied: of two owners one would close it under the other.
        super().__init__(fileno=connected.detach())
        self.name = name
        self._ahead = b""
        self.stall_s = STALL_S
        self._pace = Pace()
        self._archived: ArchivedScan | None = None
        self._idle_since: float | None = time.monotonic()
        self._why_stopped, self._read_until = "", math.inf
        self.n_opening = 0
        self.n_received = 0
        self.settimeout(None)
        notice_dead_peers(self)

    def read_ahead(self, content: bytes) -> None:
        """Let :meth:`recv` give these bytes first."""
        self._ahead = content

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive bytes, those that were read ahead first."""
        if self._ahead:
            # It may be less than asked for; the package asks again for the rest.
            piece, self._ahead = self._ahead[:bufsize], self._ahead[bufsize:]
            return piece
        return super().recv(bufsize, flags)

    def recv_into(self, buffer: bytearray | memoryview, nbytes: int = 0, flags: int = 0) -> int:  # type: ignore[override]
        """Receive bytes into a buffer, and count them.

        Raises
        ------
        PeerLostError
            It is to be read no more, for the reason that :meth:`stop_reading` was told.
        """
        # Linux gives what lies there, and what still comes in, after the end of reading, too.
        is_late = bool(self._why_stopped) and time.monotonic() > self._read_until
        n_received = 0 if is_late else super().recv_into(buffer, nbytes, flags)
        if self._why_stopped and not n_received:
            raise PeerLostError(self._why_stopped)
        # Only this method is used once the node's own transport reads: what is counted is data.
        self.n_received += n_received
        if self._archived is not None:
            self._archived.add(memoryview(buffer)[:n_received])
        return n_received

    def stop_reading(self, reason: str) -> None:
        """End the scan from another thread: what came is still sent on, then the reason."""
        self._read_until = time.monotonic() + _LAST_S
        self._why_stopped = reason
        self._shut(socket.SHUT_RD)

    def abort(self) -> None:
        """End the connection from another thread, both ways: nothing is said to the peer."""
        # Whoever looks for another one to break off does not find this one again.
        self._idle_since = None
        self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        # It wakes whoever waits on the socket; closing it alone would not.
        try:
            self.shutdown(how)
        except OSError as error:
            logger.debug("a socket was not open any more (%s)", error)

    def keep_in(self, archived: ArchivedScan | None) -> None:
        """Have all data that come from now on added to an archive; None: to none."""
        self._archived = archived

    def read_opening(self, limit_s: float) -> tuple[bytes, bytes]:
        """Read the CONFIG and the HEADER with which every scan begins, and nothing beyond.

        Parameters
        ----------
        limit_s
            How long both may take together; more where much comes.

        Raises
        ------
        PeerLostError
            The connection ended before, or it took too long.
        WireError
            Something else came.
        """
        self.stall_s = limit_s
        self._pace = Pace(limit_s)
        self._pace.begin()
        opening = self._read_text(MessageID.CONFIG), self._read_text(MessageID.HEADER)
        self.settimeout(None)
        return opening

    @property
    def idle_s(self) -> float:
        """For how long there has been no scan."""
        return 0.0 if self._idle_since is None else time.monotonic() - self._idle_since

    def count_as_scan(self) -> None:
        """Note that the scan begins."""
        self._idle_since = None

    def _read_text(self, expected: MessageID) -> bytes:
        (found,) = struct.unpack("<H", self._read(2))
        if found != expected:
            raise WireError(f"expected a {expected.name} message (id {expected.value}), found message id {found}")
        (length,) = struct.unpack("<I", self._read(4))
        if length > MAX_XML_BYTES:
            raise WireError(f"expected a {expected.name} of at most {MAX_XML_BYTES} bytes, found {length} announced")
        return self._read(length)

    def _read(self, n_bytes: int) -> bytes:
        content = bytearray()
        while len(content) < n_bytes:
            try:
                left_s = self._pace.left_s(self.n_opening)
                if not left_s:
                    raise TimeoutError("timed out")
                self.settimeout(left_s)
                # Not a byte beyond: what follows is for the node's transport.
                piece = super().recv(min(n_bytes - len(content), 1 << 18))
            except OSError as error:
                raise PeerLostError(f"the connection broke in its opening: {error}") from error
            if self._why_stopped:
                raise PeerLostError(self._why_stopped)
            if not piece:
                raise PeerLostError(f"the connection ended in its opening, {n_bytes - len(content)} bytes short")
            content += piece
            self.n_opening += len(piece)
        return bytes(content)
