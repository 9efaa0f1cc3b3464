"""The way of a scan's messages: from the client through the nodes and back, and round a node that has failed.

A node of ours that dies does not take the scan with it: what it held and what follows goes round it
(:mod:`pipelines.host.nodes.node_input`). Where the client's data end too early, what came is sent on. Every other
failure ends the scan; the first one counts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from gadgets.errors import DesparkError, NodeError, WireError
from pipelines.chains import Chain
from pipelines.host.nodes import ENDED_EARLY, NodeInput, NodeProcess, check_end, message_of
from pipelines.messages import CLOSE, Message, MessageID

logger = logging.getLogger(__name__)


class Client(Protocol):
    """Who wants the scan: sends its data and gets what the chain writes."""

    def read(self, check: Callable[[MessageID], None]) -> Message:
        """Read the next message, once ``check`` has let its id pass; raises PeerLostError or WireError."""

    def send(self, message: Message) -> None:
        """Send a message; raises PeerLostError."""

    def is_lost(self) -> bool:
        """Whether nobody takes what is sent any more."""


class MessageFlow:
    """The messages of a scan in progress, moved by one thread for the client and one for each node.

    Parameters
    ----------
    chain
        Says what the nodes accept, and what is read from the client and written to it.
    nodes
        Those of the chain, in its order.
    client
        Read up to and including its HEADER.
    """

    def __init__(self, chain: Chain, nodes: Sequence[NodeProcess], client: Client) -> None:
        self._chain = chain
        self._nodes = nodes
        self._client = client
        self._inputs = [NodeInput(node) for node in chain.nodes]
        self._lock = threading.Lock()
        self.over = threading.Event()
        self.failure: DesparkError | None = None
        self.has_ended_early = False
        self.last_moved = time.monotonic()
        self.n_unwritten = 0

    def can_go_round(self, index: int) -> bool:
        """Whether the scan goes on without a node."""
        return self._inputs[index].can_go_round

    def fail(self, error: DesparkError) -> None:
        """End the scan, for this reason if it is the first."""
        self._note(error)
        self.over.set()

    def from_client(self) -> None:
        """Move what the client sends, up to its CLOSE; raises PeerLostError."""
        try:
            while True:
                message = self._client.read(self._check_kind)
                if self.over.is_set() or self.has_ended_early:
                    return
                if message.id is MessageID.CLOSE:
                    self._close_input(0)
                    return
                self._deliver(0, message)
        except WireError as error:
            self.end_early(error)

    def from_node(self, index: int) -> None:
        """Move what a node writes, up to its CLOSE."""
        try:
            while not self.over.is_set():
                message = message_of(self._nodes[index])
                if message.id is MessageID.CLOSE:
                    check_end(self._nodes[index])
                    self._close_input(index + 1)
                    return
                self._inputs[index].give(message)
                self._deliver(index + 1, message)
        except NodeError as error:
            self.go_round(index, error)

    def end_early(self, error: WireError) -> None:
        """End the data where they break off; nodes of ours then send on what they hold, and the scan fails after it."""
        with self._lock:
            is_first, self.has_ended_early = not self.has_ended_early, True
        # Others do not know what to do with half a scan; and to a client that is lost nothing can be sent on.
        if not is_first or self._client.is_lost() or not all(node.is_ours for node in self._chain.nodes):
            self.fail(error)
            return
        self._note(error)
        self._close_input(0)

    def go_round(self, index: int, error: NodeError) -> None:
        """Go on without a node that has failed, as far as the others can."""
        held = self._inputs[index]
        if self.over.is_set() or not self._nodes[index].node.is_ours:
            self.fail(error)
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

    def _note(self, error: DesparkError) -> None:
        with self._lock:
            # Only the first one: whatever fails later, fails because of it.
            if self.failure is None and not self.over.is_set():
                self.failure = error

    def _check_kind(self, kind: MessageID) -> None:
        """See that the chain reads such messages, before one of them is taken: it must not get lost unnoticed."""
        if kind not in self._chain.reads and kind is not MessageID.CLOSE:
            raise WireError(f"the chain {self._chain.source} has no reader for {kind.name} messages")

    def _deliver(self, index: int, message: Message) -> None:
        """Send a message to the first node from ``index`` on that accepts it, else to the client."""
        self.last_moved = time.monotonic()
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
            self.n_unwritten += 1
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
        self.last_moved = time.monotonic()
        if index == len(self._nodes):
            self.over.set()
        elif self._inputs[index].take(CLOSE):
            self._send(index, CLOSE)
        elif self._inputs[index].can_go_round:
            self._close_input(index + 1)
