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
from typing import Protocol

from gadgets.errors import DesparkError, NodeError, PeerLostError, WireError
from pipelines.chains import Chain, Node
from pipelines.host.limits import ServerLimits
from pipelines.host.node_input import NodeInput
from pipelines.host.node_process import NodeProcess
from pipelines.host.watchdog import Watchdog
from pipelines.messages import CLOSE, Message, MessageID

logger = logging.getLogger(__name__)

REST_LIMIT_S = 120.0
"""How long nothing may move after the data ended too early, while nodes send on what came."""

ENDED_EARLY = "it ended before it had read all of its input"
"""Of a node that closes with unread data, whose connection is then reset, with its CLOSE or without."""

_WATCH_S = 0.5
_JOIN_S = 5.0


class Client(Protocol):
    """Who wants the scan: sends its data and gets what the chain writes."""

    def read(self, check: Callable[[MessageID], None]) -> Message:
        """Read the next message, once ``check`` has let its id pass; raises PeerLostError or WireError."""

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
    limits
        How long a pause, or a silent node, is waited for.
    open_node
        Makes what runs a node; a process of its own unless said otherwise.
    """

    def __init__(
        self,
        chain: Chain,
        header: bytes,
        client: Client,
        limits: ServerLimits,
        open_node: Callable[[Node], NodeProcess] = NodeProcess,
    ) -> None:
        self._chain = chain
        self._header = header
        self._client = client
        self._limits = limits
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
            threads += [
                threading.Thread(target=self._guard, args=(self._from_node, index), name=node.name, daemon=True)
                for index, node in self._start_nodes()
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

    def stop(self, reason: str) -> None:
        """End the scan from another thread."""
        self._fail(NodeError(reason))
        for node in self._nodes:
            node.give_up()

    def _start_nodes(self) -> list[tuple[int, NodeProcess]]:
        """Start the nodes, and give those that run; the scan goes on without the others."""
        logger.info("nodes start: %s", ", ".join(node.name for node in self._nodes))
        for node in self._nodes:
            # All are started before the first is waited for: importing takes most of the time, and they do it at once.
            node.start()
        return [(index, node) for index, node in enumerate(self._nodes) if self._connect(index)]

    def _connect(self, index: int) -> bool:
        """Connect to a node and give it its configuration and the header; False where the scan goes on without it."""
        node = self._nodes[index]
        try:
            node.connect()
            node.open(node.node.configuration, self._header)
        except NodeError as error:
            if not self._inputs[index].can_go_round:
                raise
            self._go_round(index, error)
            return False
        return True

    def _watch(self) -> None:
        watchdogs = [Watchdog(node, self._limits.node_s) for node in self._nodes]
        while not self._over.wait(_WATCH_S):
            for watchdog in watchdogs:
                # Whoever reads from the node then learns that it is lost, and the scan goes on as without any other.
                watchdog.look()
            limit_s = min(self._limits.idle_s, REST_LIMIT_S) if self._has_ended_early else self._limits.idle_s
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
                message = self._client.read(self._check_kind)
                if self._over.is_set() or self._has_ended_early:
                    return
                if message.id is MessageID.CLOSE:
                    self._close_input(0)
                    return
                self._deliver(0, message)
        except WireError as error:
            self._end_early(error)

    def _check_kind(self, kind: MessageID) -> None:
        """See that the chain reads such messages, before one of them is taken: it must not get lost unnoticed."""
        if kind not in self._chain.reads and kind is not MessageID.CLOSE:
            raise WireError(f"the chain {self._chain.source} has no reader for {kind.name} messages")

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

    def _from_node(self, index: int) -> None:
        try:
            while not self._over.is_set():
                message = self._message_of(self._nodes[index])
                if message.id is MessageID.CLOSE:
                    self._check_end(self._nodes[index])
                    self._close_input(index + 1)
                    return
                self._inputs[index].give(message)
                self._deliver(index + 1, message)
        except NodeError as error:
            self._go_round(index, error)

    def _message_of(self, node: NodeProcess) -> Message:
        try:
            message = node.read()
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
        for node in self._nodes:
            # All are asked before one is waited for: each may take some seconds to end.
            node.ask_to_end()
        for node in self._nodes:
            node.end()
        for thread in threads:
            if thread.is_alive():
                thread.join(_JOIN_S)
        for node in self._nodes:
            node.close()
