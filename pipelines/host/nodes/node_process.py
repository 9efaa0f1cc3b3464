"""One node of a running chain: what it is sent, what it answers, and how far it is."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
from typing import NamedTuple

from gadgets.errors import NodeError
from gadgets.logbook import this_scan
from pipelines.chains import Node, with_name
from pipelines.host.nodes.node_socket import ends_in_order, join, n_unread
from pipelines.host.nodes.own_process import END_GRACE_S, OwnProcess
from pipelines.messages import CLOSE, Message, MessageID, MessageReader, text_message

logger = logging.getLogger(__name__)

# How long a process may take to read its configuration (its libraries may lie on a slow disk), and to exit after its
# CLOSE.
START_LIMIT_S = 60.0
EXIT_LIMIT_S = 60.0


class NodeState(NamedTuple):
    """How far a node is: whoever looks twice and sees the same has seen it do nothing."""

    owes: bool
    """Whether something was sent to it that it has not read, or its CLOSE is awaited; and we wait for it."""

    n_unread: int
    n_sent: int
    n_answered: int


class NodeProcess:
    """A node that was started, or joined where it already runs.

    Parameters
    ----------
    node
        From the chain.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.name = node.name
        self.input_closed = False
        self._ended = threading.Event()
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._reader: MessageReader | None = None
        self._is_awaited = False
        self._n_sent = 0
        self._complaint = ""
        self._process: OwnProcess | None = None

    def start(self) -> None:
        """Start the process where the chain asks for one.

        Raises
        ------
        NodeError
            No process can be started.
        """
        if self.node.address is not None:
            return
        try:
            # A pair, and no port: no other process of this machine can be taken for the node, or for us.
            self._socket, theirs = socket.socketpair()
            with theirs:
                self._process = OwnProcess(self.node, theirs)
        except OSError as error:
            raise NodeError(f"node {self.name} cannot be started ({error.strerror})") from error

    def connect(self) -> None:
        """Connect to a process that already runs; one that was started is connected.

        Raises
        ------
        NodeError
            Nobody answers.
        """
        if self.node.address is not None:
            self._socket = join(self.node.address, self.name, START_LIMIT_S, self._ended)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._socket is None:
            raise NodeError(f"node {self.name} was not started")
        self._reader = MessageReader(self._socket, f"node {self.name}")

    def open(self, configuration: bytes, header: bytes) -> None:
        """Send what a node gets before any data.

        Raises
        ------
        NodeError
            It does not take it.
        """
        if self._socket is None:
            raise NodeError(f"node {self.name} was not started")
        if self.node.address is not None and this_scan().scan:
            configuration = with_name(configuration, this_scan())
        try:
            # Nobody watches the node yet; a process on a slow disk still reads all of it in this time.
            self._socket.settimeout(START_LIMIT_S)
            for kind, text in ((MessageID.CONFIG, configuration), (MessageID.HEADER, header)):
                self._socket.sendall(text_message(kind, text).data)
            self._socket.settimeout(None)
        except TimeoutError:
            raise NodeError(f"node {self.name} did not read its configuration within {START_LIMIT_S:g} s") from None
        except OSError as error:
            raise self.failure(f"connection lost ({error.strerror})") from error

    def read(self) -> Message:
        """Read the node's next message; raises PeerLostError or WireError."""
        if self._reader is None:
            raise NodeError(f"node {self.name} is not connected")
        self._is_awaited = True
        try:
            return self._reader.read()
        finally:
            # While its last message is handed on, the node may have to wait for us.
            self._is_awaited = False

    def state(self) -> NodeState:
        """Tell how far the node is."""
        n_waiting = 0 if self._socket is None else n_unread(self._socket)
        n_answered = self._reader.n_messages if self._reader is not None else 0
        owes = self._is_awaited and (n_waiting > 0 or self.input_closed)
        return NodeState(owes, n_waiting, self._n_sent, n_answered)

    def processor_s(self) -> float | None:
        """Tell how much processor time the process has used; None where that cannot be seen."""
        return None if self._process is None else self._process.processor_s()

    def send(self, message: Message) -> None:
        """Send a message; waits while the node is busy. Raises OSError where the connection is lost."""
        with self._lock:
            if self._socket is None:
                raise OSError("not connected")
            # Noted before it is sent: the node may answer with its own CLOSE before sendall() returns.
            if message.id is CLOSE.id:
                self.input_closed = True
            self._socket.sendall(message.data)
            self._n_sent += 1

    def wait(self) -> int:
        """Wait for the process to exit and return its exit code; 0 where the process is not ours.

        Raises
        ------
        NodeError
            It does not exit.
        """
        if self._process is None:
            return 0
        code = self._process.wait(EXIT_LIMIT_S)
        if code is None:
            raise NodeError(f"node {self.name} did not exit within {EXIT_LIMIT_S:g} s after its CLOSE")
        return code

    def has_read_all(self) -> bool:
        """Whether the node had read its input to the end when it closed the connection."""
        return self._socket is not None and ends_in_order(self._socket, EXIT_LIMIT_S)

    def failure(self, what: str) -> NodeError:
        """Describe why the node failed: how its process ended and what it said last."""
        if self._complaint:
            return NodeError(f"node {self.name} failed: {self._complaint}")
        reason = what if self._process is None else self._process.reason(what)
        return NodeError(f"node {self.name} failed: {reason}")

    def give_up(self) -> None:
        """Let :meth:`connect` end at once in another thread."""
        self._ended.set()

    def break_off(self, reason: str) -> None:
        """End a node that hangs; whoever reads from it or sends to it fails, for this reason."""
        self._complaint = self._complaint or reason
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        # One that is stopped sees nothing else.
        if self._process is not None:
            self._process.signal(signal.SIGKILL)

    def ask_to_end(self) -> None:
        """End the connection, and ask the process to end, whatever they are doing; waits for neither."""
        self._ended.set()
        if self._socket is not None:
            self._say_goodbye()
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._process is not None:
            self._process.signal(signal.SIGTERM)

    def end(self) -> None:
        """See that the process has ended, some seconds after it was asked to."""
        if self._process is not None:
            self._process.end()

    def close(self) -> None:
        """Release the connection; the process has exited or was ended."""
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.close()

    def _say_goodbye(self) -> None:
        """Send CLOSE to a process that is not ours: without one, the gadgetron package spins for ever."""
        if self._process is None and not self.input_closed and self._lock.acquire(timeout=END_GRACE_S):
            try:
                if self._socket is not None:
                    self._socket.settimeout(END_GRACE_S)
                    self._socket.sendall(CLOSE.data)
            except OSError as error:
                logger.debug("node %s: no CLOSE could be sent (%s)", self.name, error)
            finally:
                self._lock.release()
