"""One scan through one chain: whole messages move from the client through the nodes and back.

One thread per connection reads and hands on; sending waits while the receiver is busy, so that no more than a
message per node is held. The first failure ends the scan: the nodes are ended, and the failure goes to the caller.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Protocol

from gadgets.errors import DesparkError, NodeError, PeerLostError, WireError
from pipelines.chains import Chain, Node
from pipelines.host.node_process import NodeProcess
from pipelines.messages import CLOSE, Message, MessageID, MessageReader, text_message

logger = logging.getLogger(__name__)

IDLE_LIMIT_S = 3600.0
"""How long a scan may pause while its connection lives."""

ENDED_EARLY = "it ended before it had read all of its input"
"""Of a node that closes with unread data, whose connection is then reset, with its CLOSE or without."""

_WATCH_S = 0.5
_JOIN_S = 5.0


class Client(Protocol):
    """Who wants the scan: sends its data and gets what the chain writes."""

    def read(self) -> Message:
        """Read the next message; raises PeerLostError or WireError."""

    def send(self, message: Message) -> None:
        """Send a message; raises PeerLostError."""

    def is_lost(self) -> bool:
        """Whether nobody takes what is sent any more."""


class Scan:
    """A scan in progress.

    Parameters
    ----------
    chain
        Already checked: it can be run here.
    header
        The MRD header as the nodes get it.
    client
        Read up to and including its HEADER.
    idle_limit_s
        Without a message for so long the scan is given up.
    open_node
        Makes what runs a node; a process of its own unless said otherwise.
    """

    def __init__(
        self,
        chain: Chain,
        header: bytes,
        client: Client,
        idle_limit_s: float,
        open_node: Callable[[Node], NodeProcess] = NodeProcess,
    ) -> None:
        self._chain = chain
        self._header = header
        self._client = client
        self._idle_limit_s = idle_limit_s
        self._nodes = [open_node(node) for node in chain.nodes]
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._failure: DesparkError | None = None
        self._last_moved = time.monotonic()
        self._n_unwritten = 0

    def run(self) -> None:
        """Run the scan to its end; every node has exited when this returns.

        Raises
        ------
        NodeError
            A node failed; names it and its reason.
        PeerLostError
            The client went away.
        WireError
            The client sent something that is no message, or one that the chain does not read.
        """
        threads = [threading.Thread(target=self._guard, args=(self._from_client,), name="client", daemon=True)]
        try:
            # All nodes have their configuration before the first byte of data moves.
            readers = self._start_nodes()
            threads += [
                threading.Thread(target=self._guard, args=(self._from_node, index, reader), name=node.name, daemon=True)
                for index, (node, reader) in enumerate(zip(self._nodes, readers, strict=True))
            ]
            for thread in threads:
                thread.start()
            self._watch()
        finally:
            self._over.set()
            # Not the client's thread: it may wait for a client that is silent, until the session closes the connection.
            self._end_nodes(threads[1:])
        if self._failure is not None:
            raise self._failure
        if self._n_unwritten:
            logger.info("%s: %d messages had no writer and ended here", self._chain.source, self._n_unwritten)

    def stop(self) -> None:
        """End the scan from another thread."""
        self._fail(NodeError("the server is shutting down"))

    def _start_nodes(self) -> list[MessageReader]:
        logger.info("nodes start: %s", ", ".join(node.name for node in self._nodes))
        for node in self._nodes:
            # All are started before the first is waited for: importing takes most of the time, and they do it at once.
            node.start()
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            waiting = [pool.submit(node.connect) for node in self._nodes]
            if any(future.exception() for future in wait(waiting, return_when=FIRST_EXCEPTION).done):
                for node in self._nodes:
                    node.give_up()
        failures = [error for future in waiting if (error := future.exception()) is not None]
        if failures:
            raise failures[0]
        readers = [future.result() for future in waiting]
        for node in self._nodes:
            try:
                node.send(text_message(MessageID.CONFIG, node.node.configuration))
                node.send(text_message(MessageID.HEADER, self._header))
            except OSError as error:
                raise node.failure(f"connection lost ({error.strerror})") from error
        return readers

    def _watch(self) -> None:
        while not self._over.wait(_WATCH_S):
            if self._client.is_lost():
                self._fail(PeerLostError("the client went away"))
            elif time.monotonic() - self._last_moved > self._idle_limit_s:
                self._fail(WireError(f"nothing moved for {self._idle_limit_s:g} s; the scan is given up"))

    def _guard(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except DesparkError as error:
            self._fail(error)
        except Exception as error:
            logger.exception("%s: unexpected failure", self._chain.source)
            self._fail(NodeError(f"the host failed: {error or type(error).__name__}"))

    def _fail(self, error: DesparkError) -> None:
        with self._lock:
            if not self._over.is_set():
                # Only the first one: whatever fails later, fails because of it.
                self._failure = error
                self._over.set()

    def _from_client(self) -> None:
        while True:
            message = self._client.read()
            if self._over.is_set():
                return
            if message.id is MessageID.CLOSE:
                self._close_input(0)
                return
            # What the chain has no reader for must not get lost unnoticed.
            if message.id not in self._chain.reads:
                raise WireError(f"the chain {self._chain.source} has no reader for {message.id.name} messages")
            self._deliver(0, message)

    def _from_node(self, index: int, reader: MessageReader) -> None:
        node = self._nodes[index]
        while not self._over.is_set():
            try:
                message = reader.read()
            except PeerLostError as error:
                # A reset means unread data: the node went away in the middle of its work.
                had_all = node.input_closed and not isinstance(error.__cause__, ConnectionError)
                raise node.failure("it ended without a CLOSE" if had_all else ENDED_EARLY) from error
            except WireError as error:
                raise NodeError(f"node {node.name} failed: {error}") from error
            if message.id is MessageID.CLOSE:
                self._check_end(node)
                self._close_input(index + 1)
                return
            if message.id in (MessageID.ERROR, MessageID.TEXT):
                reason = message.text.strip().removeprefix(f"{node.name}: ")
                raise NodeError(f"node {node.name} failed: {reason}")
            self._deliver(index + 1, message)

    def _check_end(self, node: NodeProcess) -> None:
        """See that a node ended as it should: its CLOSE comes after a crash, too."""
        # Read before the wait, during which the client's CLOSE may still arrive.
        had_all = node.input_closed
        if node.wait() != 0:
            raise node.failure("it ended badly")
        if not (had_all and node.has_read_all()):
            raise NodeError(f"node {node.name} failed: {ENDED_EARLY}")

    def _deliver(self, index: int, message: Message) -> None:
        """Send a message to the first node from ``index`` on that accepts it, else to the client."""
        self._last_moved = time.monotonic()
        for node in self._nodes[index:]:
            # As in a Gadgetron: what a node does not accept goes round it to the next one.
            if message.id in node.node.accepts:
                self._send(node, message)
                return
        if message.id not in self._chain.writes:
            # What the chain has no writer for ends here, and is counted: it is no failure.
            self._n_unwritten += 1
            return
        self._client.send(message)

    def _send(self, node: NodeProcess, message: Message) -> None:
        try:
            node.send(message)
        except OSError as error:
            raise node.failure(ENDED_EARLY) from error

    def _close_input(self, index: int) -> None:
        self._last_moved = time.monotonic()
        if index < len(self._nodes):
            self._send(self._nodes[index], CLOSE)
        else:
            self._over.set()

    def _end_nodes(self, threads: list[threading.Thread]) -> None:
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            # All at once: each may take some seconds to end.
            list(pool.map(NodeProcess.end, self._nodes))
        for thread in threads:
            if thread.is_alive():
                thread.join(_JOIN_S)
        for node in self._nodes:
            node.close()
