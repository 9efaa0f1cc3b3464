"""One node of a running chain: the process that runs it, the connection to it, and why it ended."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import termios
import threading
from pathlib import Path
from typing import NamedTuple

from gadgets.errors import NodeError
from pipelines.chains import Node
from pipelines.host.node_log import NodeLog
from pipelines.messages import CLOSE, Message, MessageID, MessageReader, text_message
from pipelines.thread_limits import LIMITS

logger = logging.getLogger(__name__)

# How long a process may take to read its configuration (its libraries may lie on a slow disk), and to exit after its
# CLOSE.
START_LIMIT_S = 60.0
EXIT_LIMIT_S = 60.0
# As a Gadgetron does: ten attempts, over about 20 s.
CONNECT_ATTEMPTS = 10
CONNECT_PAUSE_S = 2.0
END_GRACE_S = 2.0
NODE_START = Path(__file__).absolute().with_name("node_start.py")


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
        self._process: subprocess.Popen[bytes] | None = None
        self._log: NodeLog | None = None

    def start(self) -> None:
        """Start the process where the chain asks for one.

        The kernel kills it when the thread that calls this ends, so that thread has to wait for the node.
        """
        if self.node.address is not None:
            return
        # A pair, and no port: no other process of this machine can be taken for the node, or for us.
        self._socket, theirs = socket.socketpair()
        with theirs:
            arguments = [str(os.getpid()), str(theirs.fileno()), self.node.module, self.node.target]
            # A session of its own: Ctrl-C in the terminal reaches us, and we end the nodes in order.
            self._process = subprocess.Popen(
                [sys.executable, str(NODE_START), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                # In one stream, so that a traceback stands where it belongs among the log.
                stderr=subprocess.STDOUT,
                env=_environment(),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._log = NodeLog(self._process.stdout, self.name)

    def connect(self) -> None:
        """Connect to a process that already runs; one that was started is connected.

        Raises
        ------
        NodeError
            Nobody answers.
        """
        if self.node.address is not None:
            self._socket = self._join(self.node.address)
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
        n_unread = _n_unread(self._socket)
        n_answered = self._reader.n_messages if self._reader is not None else 0
        owes = self._is_awaited and (n_unread > 0 or self.input_closed)
        return NodeState(owes, n_unread, self._n_sent, n_answered)

    def processor_s(self) -> float | None:
        """Tell how much processor time the process has used; None where that cannot be seen."""
        if self._process is None:
            return None
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return None
        # In user mode and in the kernel, counted in ticks.
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

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
        try:
            code = self._process.wait(EXIT_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise NodeError(f"node {self.name} did not exit within {EXIT_LIMIT_S:g} s after its CLOSE") from error
        return code

    def has_read_all(self) -> bool:
        """Whether the node had read its input to the end when it closed the connection.

        A socket that is closed with unread data resets the connection instead of ending it.
        """
        if self._socket is None:
            return False
        try:
            # After its CLOSE nothing may come: an end means that all was read, a reset that it was not.
            self._socket.settimeout(EXIT_LIMIT_S)
            return not self._socket.recv(1)
        except OSError:
            return False

    def failure(self, what: str) -> NodeError:
        """Describe why the node failed: how its process ended and what it said last."""
        if self._complaint:
            return NodeError(f"node {self.name} failed: {self._complaint}")
        reason = what
        if self._process is not None:
            # Of a process that is going down, the exit code follows the lost connection; 0 explains nothing.
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(END_GRACE_S)
                reason = _describe_exit(code) if code else f"{what} (exit code 0)"
        last_words = self._log.last_words() if self._log is not None else ""
        return NodeError(f"node {self.name} failed: {': '.join(filter(None, (reason, last_words)))}")

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
        self._signal(signal.SIGKILL)

    def ask_to_end(self) -> None:
        """End the connection, and ask the process to end, whatever they are doing; waits for neither."""
        self._ended.set()
        if self._socket is not None:
            self._say_goodbye()
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._signal(signal.SIGTERM)

    def end(self) -> None:
        """See that the process has ended, some seconds after it was asked to."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_GRACE_S)
        # A process that is stopped, for example, does not even see what it is asked.
        self._signal(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_GRACE_S)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                # The whole group: a node may have started processes of its own, which would outlive it.
                os.killpg(self._process.pid, number)

    def close(self) -> None:
        """Release the connection; the process has exited or was ended."""
        if self._socket is not None:
            self._socket.close()
        if self._log is not None:
            self._log.close()

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

    def _join(self, address: tuple[str, int]) -> socket.socket:
        reason: OSError | None = None
        for attempt in range(CONNECT_ATTEMPTS):
            try:
                return socket.create_connection(address, timeout=START_LIMIT_S)
            except OSError as error:
                reason = error
                if attempt == CONNECT_ATTEMPTS - 1 or self._ended.wait(CONNECT_PAUSE_S):
                    break
        raise NodeError(f"node {self.name}: nobody answers there ({reason})") from reason


def _n_unread(connection: socket.socket | None) -> int:
    """Tell how many bytes were sent that the other side has not taken, as far as the system knows."""
    if connection is None:
        return 0
    answer = bytearray(4)
    try:
        fcntl.ioctl(connection, termios.TIOCOUTQ, answer)
    # Closed by now, or a system that cannot tell: then nothing is known to be unread.
    except (OSError, ValueError):
        return 0
    return int.from_bytes(answer, sys.byteorder)


def _environment() -> dict[str, str]:
    """Give the environment of a node: ours, with one thread per process for linear algebra.

    An empty entry of PYTHONPATH, as ``PYTHONPATH=$PYTHONPATH:folder`` easily leaves one, means the working directory:
    it goes.
    """
    defaults = {
        "GADGETRON_EXTERNAL_LOG_LEVEL": "INFO",
        "PYTHONUNBUFFERED": "1",
    }
    # What the user has set in the environment goes before ours.
    environment = {**defaults, **LIMITS, **os.environ}
    if "PYTHONPATH" in environment:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, environment["PYTHONPATH"].split(os.pathsep)))
    return environment


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"killed by {name}"
