"""One scan through one chain: whole messages move from the client through the nodes and back.

One thread per connection reads and hands on; sending waits while the receiver is busy. A node of ours that dies does
not take the scan with it: what it held and what follows goes round it (:mod:`pipelines.host.node_input`). Where the
client's data end too early, what came is sent on. Every other failure ends the scan. In each case the nodes are ended,
and the first failure goes to the caller.
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
from pipelines.host.node_input import NodeInput
from pipelines.host.node_process import NodeProcess
from pipelines.messages import CLOSE, Message, MessageID, MessageReader, text_message

logger = logging.getLogger(__name__)

IDLE_LIMIT_S = 3600.0
"""How long a scan may pause while its connection lives."""

REST_LIMIT_S = 120.0
"""How long nothing may move after the data ended too early, while nodes send on what came."""

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
        self._inputs = [NodeInput(node) for node in chain.nodes]
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._has_ended_early = False
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
                if reader is not None
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

    def _start_nodes(self) -> list[MessageReader | None]:
        """Start the nodes; None in place of one that the scan goes on without."""
        logger.info("nodes start: %s", ", ".join(node.name for node in self._nodes))
        for node in self._nodes:
            # All are started before the first is waited for: importing takes most of the time, and they do it at once.
            node.start()
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            waiting = [pool.submit(self._connect, index) for index in range(len(self._nodes))]
            if any(future.exception() for future in wait(waiting, return_when=FIRST_EXCEPTION).done):
                for node in self._nodes:
                    node.give_up()
        failures = [error for future in waiting if (error := future.exception()) is not None]
        if failures:
            raise failures[0]
        return [future.result() for future in waiting]

    def _connect(self, index: int) -> MessageReader | None:
        """Connect to a node and give it its configuration and the header."""
        node = self._nodes[index]
        try:
            reader = node.connect()
            try:
                node.send(text_message(MessageID.CONFIG, node.node.configuration))
                node.send(text_message(MessageID.HEADER, self._header))
            except OSError as error:
                raise node.failure(f"connection lost ({error.strerror})") from error
        except NodeError as error:
            if not self._inputs[index].can_go_round:
                raise
            self._go_round(index, error)
            return None
        return reader

    def _watch(self) -> None:
        while not self._over.wait(_WATCH_S):
            limit_s = min(self._idle_limit_s, REST_LIMIT_S) if self._has_ended_early else self._idle_limit_s
            if self._client.is_lost():
                self._fail(PeerLostError("the client went away"))
            elif time.monotonic() - self._last_moved > limit_s:
                error = WireError(f"nothing moved for {limit_s:g} s; the scan is given up")
                # In a thread of its own: a node that is stuck takes no CLOSE either.
                threading.Thread(target=self._guard, args=(self._end_early, error), daemon=True).start()

    def _guard(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except DesparkError as error:
            self._fail(error)
        except Exception as error:
            logger.exception("%s: unexpected failure", self._chain.source)
            self._fail(NodeError(f"the host failed: {error or type(error).__name__}"))

    def _fail(self, error: DesparkError) -> None:
        self._note(error)
        self._over.set()

    def _note(self, error: DesparkError) -> None:
        with self._lock:
            # Only the first one: whatever fails later, fails because of it.
            if self._failure is None and not self._over.is_set():
                self._failure = error

    def _from_client(self) -> None:
        try:
            while True:
                message = self._client.read()
                if self._over.is_set() or self._has_ended_early:
                    return
                if message.id is MessageID.CLOSE:
                    self._close_input(0)
                    return
                # What the chain has no reader for must not get lost unnoticed.
                if message.id not in self._chain.reads:
                    raise WireError(f"the chain {self._chain.source} has no reader for {message.id.name} messages")
                self._deliver(0, message)
        except WireError as error:
            self._end_early(error)

    def _end_early(self, error: WireError) -> None:
        """End the data where they break off; nodes of ours then send on what they hold, and the scan fails after it."""
        with self._lock:
            is_first, self._has_ended_early = not self._has_ended_early, True
        # Others do not know what to do with half a scan; and to a client that is lost nothing can be sent on.
        if not is_first or self._client.is_lost() or not all(node.is_ours for node in self._chain.nodes):
            self._fail(error)
            return
        self._note(error)
        self._close_input(0)

    def _from_node(self, index: int, reader: MessageReader) -> None:
        try:
            while not self._over.is_set():
                message = self._message_of(index, reader)
                if message.id is MessageID.CLOSE:
                    self._check_end(self._nodes[index])
                    self._close_input(index + 1)
                    return
                self._inputs[index].give(message)
                self._deliver(index + 1, message)
        except NodeError as error:
            self._go_round(index, error)

    def _message_of(self, index: int, reader: MessageReader) -> Message:
        node = self._nodes[index]
        try:
            message = reader.read()
        except PeerLostError as error:
            # A reset means unread data: the node went away in the middle of its work.
            had_all = node.input_closed and not isinstance(error.__cause__, ConnectionError)
            raise node.failure("it ended without a CLOSE" if had_all else ENDED_EARLY) from error
        except WireError as error:
            raise NodeError(f"node {node.name} failed: {error}") from error
        if message.id in (MessageID.ERROR, MessageID.TEXT):
            reason = message.text.strip().removeprefix(f"{node.name}: ")
            raise NodeError(f"node {node.name} failed: {reason}")
        return message

    def _check_end(self, node: NodeProcess) -> None:
        """See that a node ended as it should: its CLOSE comes after a crash, too."""
        # Read before the wait, during which the client's CLOSE may still arrive.
        had_all = node.input_closed
        if node.wait() != 0:
            raise node.failure("it ended badly")
        if not (had_all and node.has_read_all()):
            raise NodeError(f"node {node.name} failed: {ENDED_EARLY}")

    def _go_round(self, index: int, error: NodeError) -> None:
        """Go on without a node that has failed, as far as the others can."""
        held = self._inputs[index]
        if self._over.is_set() or not self._nodes[index].node.is_ours:
            self._fail(error)
            return
        told = NodeError(f"{error} ({held.fate()})")
        logger.error("%s: %s", self._chain.source, told)
        self._note(told)
        for message in held.left():
            if message.id is MessageID.CLOSE:
                self._close_input(index + 1)
            else:
                self._deliver(index + 1, message)
        if not held.can_go_round:
            # Those behind it can do nothing with what it was sent; what it gave them they send on.
            self._close_input(index + 1)

    def _deliver(self, index: int, message: Message) -> None:
        """Send a message to the first node from ``index`` on that accepts it, else to the client."""
        self._last_moved = time.monotonic()
        for position in range(index, len(self._nodes)):
            # As in a Gadgetron: what a node does not accept goes round it to the next one.
            if message.id in self._nodes[position].node.accepts:
                if self._inputs[position].take(message):
                    self._send(position, message)
                    return
                if not self._inputs[position].can_go_round:
                    return
        if message.id not in self._chain.writes:
            # What the chain has no writer for ends here, and is counted: it is no failure.
            self._n_unwritten += 1
            return
        self._client.send(message)

    def _send(self, index: int, message: Message) -> None:
        node = self._nodes[index]
        try:
            node.send(message)
        except OSError as error:
            # Of a node of ours, whoever reads from it learns why, and sends on what it held.
            if not node.node.is_ours:
                raise node.failure(ENDED_EARLY) from error

    def _close_input(self, index: int) -> None:
        self._last_moved = time.monotonic()
        if index == len(self._nodes):
            self._over.set()
        elif self._inputs[index].take(CLOSE):
            self._send(index, CLOSE)
        elif self._inputs[index].can_go_round:
            self._close_input(index + 1)

    def _end_nodes(self, threads: list[threading.Thread]) -> None:
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            # All at once: each may take some seconds to end.
            list(pool.map(NodeProcess.end, self._nodes))
        for thread in threads:
            if thread.is_alive():
                thread.join(_JOIN_S)
        for node in self._nodes:
            node.close()
