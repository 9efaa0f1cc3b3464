"""One node of a running chain: the process that runs it, the connection to it, and why it ended."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from gadgets.errors import NodeError
from pipelines.chains import Node
from pipelines.host.node_log import NodeLog
from pipelines.messages import CLOSE, Message, MessageReader
from pipelines.thread_limits import LIMITS

logger = logging.getLogger(__name__)

# How long a process may take to connect (its libraries may lie on a slow disk), and to exit after its CLOSE.
START_LIMIT_S = 60.0
EXIT_LIMIT_S = 60.0
# As a Gadgetron does: ten attempts, over about 20 s.
CONNECT_ATTEMPTS = 10
CONNECT_PAUSE_S = 2.0
END_GRACE_S = 2.0
NODE_START = Path(__file__).absolute().with_name("node_start.py")


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
        self._listener: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log: NodeLog | None = None

    def start(self) -> None:
        """Start the process where the chain asks for one; it connects back while others start.

        The kernel kills it when the thread that calls this ends, so that thread has to wait for the node.
        """
        if self.node.address is not None:
            return
        # A port of its own for each node, so that it is known who connects; on this machine only.
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        arguments = [str(os.getpid()), str(port), self.node.module, self.node.target]
        command = [sys.executable, str(NODE_START), *arguments]
        # A session of its own: Ctrl-C in the terminal reaches us, and we end the nodes in order.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # In one stream, so that a traceback stands where it belongs among the log.
            stderr=subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,
        )
        self._log = NodeLog(self._process.stdout, self.name)

    def connect(self) -> MessageReader:
        """Wait for the started process to connect, or connect to the running one.

        Raises
        ------
        NodeError
            The process ended, or nobody answers.
        """
        self._socket = self._join() if self.node.address is not None else self._accept()
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return MessageReader(self._socket, f"node {self.name}")

    def send(self, message: Message) -> None:
        """Send a message; waits while the node is busy. Raises OSError where the connection is lost."""
        with self._lock:
            if self._socket is None:
                raise OSError("not connected")
            # Noted before it is sent: the node may answer with its own CLOSE before sendall() returns.
            if message.id is CLOSE.id:
                self.input_closed = True
            self._socket.sendall(message.data)

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

    def end(self) -> None:
        """End the connection and the process, whatever they are doing."""
        self._ended.set()
        if self._listener is not None:
            self._listener.close()
        if self._socket is not None:
            self._say_goodbye()
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    # The whole group: a node may have started processes of its own, which would outlive it.
                    os.killpg(self._process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(END_GRACE_S)

    def close(self) -> None:
        """Release the connection; the process has exited or was ended."""
        for connection in (self._socket, self._listener):
            if connection is not None:
                connection.close()
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

    def _accept(self) -> socket.socket:
        listener, process = self._listener, self._process
        if listener is None or process is None:
            raise NodeError(f"node {self.name} was not started")
        # Short, to notice between two attempts that the process has ended or that the scan is given up.
        listener.settimeout(0.05)
        limit = time.monotonic() + START_LIMIT_S
        while time.monotonic() < limit and not self._ended.is_set():
            try:
                return listener.accept()[0]
            except TimeoutError:
                if process.poll() is not None:
                    raise self.failure("it ended before it connected") from None
            except OSError as error:
                raise NodeError(f"node {self.name}: {error.strerror}") from error
        raise NodeError(f"node {self.name} did not connect within {START_LIMIT_S:g} s")

    def _join(self) -> socket.socket:
        reason: OSError | None = None
        for attempt in range(CONNECT_ATTEMPTS):
            try:
                return socket.create_connection(self.node.address or ("", 0), timeout=START_LIMIT_S)
            except OSError as error:
                reason = error
                if attempt == CONNECT_ATTEMPTS - 1 or self._ended.wait(CONNECT_PAUSE_S):
                    break
        raise NodeError(f"node {self.name}: nobody answers there ({reason})") from reason


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
