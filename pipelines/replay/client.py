"""The client: streams a scan to a Gadgetron, or to our own host, and takes what comes back."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Sequence

from gadgets.errors import DesparkError, NodeError, PeerLostError, WireError
from pipelines.files import RawAcquisition, RawItem
from pipelines.messages import CLOSE, Message, MessageID, MessageReader, data_message
from pipelines.threads import start_thread

CONNECT_LIMIT_S = 20.0
IDLE_LIMIT_S = 3700.0
"""A little longer than the host's, so that its reason arrives first."""

MOST_REASONS = 100
"""Of those that a server gives; it may go on for ever."""

_JOIN_S = 10.0


def connect(address: tuple[str, int]) -> socket.socket:
    """Connect to a server.

    Raises
    ------
    WireError
        Nobody answers there.
    """
    try:
        connection = socket.create_connection(address, timeout=CONNECT_LIMIT_S)
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or error
        raise WireError(f"no Gadgetron at {address[0]}:{address[1]} ({reason})") from error
    # Readouts are small: without it the system would wait to send several of them together.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A scan may pause for long; the system then notices a server whose machine is gone.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.settimeout(IDLE_LIMIT_S)
    return connection


class ScanClient:
    """One scan, from the client's side.

    Parameters
    ----------
    connection
        Connected to the server.
    opening
        Configuration and header.
    items
        Acquisitions and waveforms, in the order of the scan.
    on_sent
        Called after each of them has been sent, in another thread.
    """

    def __init__(
        self,
        connection: socket.socket,
        opening: Sequence[Message],
        items: Iterable[RawItem],
        on_sent: Callable[[RawItem], None],
    ) -> None:
        self._connection = connection
        self._opening = opening
        self._items = items
        self._on_sent = on_sent
        self._stopping = threading.Event()
        self._all_sent = threading.Event()
        self._failure: Exception | None = None

    def run(self, on_message: Callable[[Message], None]) -> None:
        """Stream the scan and hand on everything that comes back, until the server's CLOSE.

        Raises
        ------
        NodeError
            The server reports a failure; gives its reason.
        PeerLostError
            The server went away without a CLOSE.
        WireError
            The server ended the scan before all was sent, or sent something that is no message.
        """
        # Both ways at once: a server that sends back while nobody reads would stop reading, and both would wait.
        sender = threading.Thread(target=self._send, name="sender", daemon=True)
        start_thread(sender)
        texts: list[str] = []
        try:
            self._receive(on_message, texts)
            if not self._all_sent.is_set() and self._failure is None and not texts:
                # The last CLOSE may be on its way out while the server's is already here.
                sender.join(_JOIN_S)
                if not self._all_sent.is_set() and self._failure is None:
                    raise WireError("the server ended the scan before all of it was sent")
        except DesparkError as error:
            # What the server said, or a file that could not be read, is the cause of a connection that is lost.
            if texts:
                raise _report_of(texts) from error
            if isinstance(self._failure, DesparkError):
                raise self._failure from error
            raise
        finally:
            self._stopping.set()
            with contextlib.suppress(OSError):
                # Wakes a sender that waits for a server which no longer reads.
                self._connection.shutdown(socket.SHUT_RDWR)
            sender.join(_JOIN_S)
        if texts:
            raise _report_of(texts)
        if self._failure is not None:
            raise self._failure

    def _receive(self, on_message: Callable[[Message], None], texts: list[str]) -> None:
        reader = MessageReader(self._connection, "server")
        while True:
            message = reader.read()
            if message.id is MessageID.CLOSE:
                return
            if message.id in (MessageID.TEXT, MessageID.ERROR):
                # Collected up to the CLOSE: a server may give its reasons in several messages.
                if len(texts) < MOST_REASONS:
                    texts.append(message.text)
            else:
                on_message(message)

    def _send(self) -> None:
        try:
            for message in self._opening:
                self._connection.sendall(message.data)
            for item in self._items:
                if self._stopping.is_set():
                    return
                kind = MessageID.ACQUISITION if isinstance(item, RawAcquisition) else MessageID.WAVEFORM
                self._connection.sendall(data_message(kind, item.to_bytes()).data)
                self._on_sent(item)
            self._connection.sendall(CLOSE.data)
            # Set only now: a server that ends before the CLOSE has not seen the whole scan.
            self._all_sent.set()
        except OSError as error:
            # The receiving side knows more: a reason may have come before the connection was lost.
            self._failure = PeerLostError(f"server: connection lost while sending ({error.strerror or error})")
            with contextlib.suppress(OSError):
                # One that is still there would wait for the rest, and we for its answer.
                self._connection.shutdown(socket.SHUT_WR)
        except Exception as error:  # noqa: BLE001 - raised again where run() was called
            # A file that cannot be read any further: the server must not take what came for the whole scan.
            self._failure = error
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)


def _report_of(texts: Sequence[str]) -> NodeError:
    lines = (line.strip() for text in texts for line in text.splitlines())
    return NodeError(f"the server reports: {' | '.join(filter(None, lines)) or 'a failure without a reason'}")
