"""What a node was sent and holds: where the node dies, this goes on in its place, and all that follows goes round it.

A scan whose repair is lost may still be of use; one whose data are lost has to be made again.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator

from gadgets.outside import memory_limit
from gadgets.wire import is_original
from pipelines.chains import Node
from pipelines.messages import Message, MessageID

GIVES_BACK = frozenset({"raw_repair", "spark_detection", "calibration"})
"""Nodes of ours that give every message back, in its place: whoever stands behind them can do without them."""

KEPT_BYTES = 2 << 30
"""Of what a node holds; more of it is in the node's hands alone."""


class NodeInput:
    """The messages that one node was sent, and those of them that it has not given back yet.

    Parameters
    ----------
    node
        From the chain.
    """

    def __init__(self, node: Node) -> None:
        self._is_ours = node.is_ours
        is_strict = node.is_ours and "fail" in (
            value for name, value in node.properties.items() if name.rpartition(".")[2] == "on_failure"
        )
        self._can_go_round = node.is_ours and not is_strict and node.name in GIVES_BACK
        self._lock = threading.Lock()
        self._waiting: deque[Message] = deque()
        self._n_bytes = 0
        self._n_sent: Counter[str] = Counter()
        self._n_given: Counter[str] = Counter()
        self._is_dead = False
        self._is_extra = False
        # Set once all that waited is on its way: what comes later must not overtake it.
        self._is_clear = threading.Event()

    @property
    def can_go_round(self) -> bool:
        """Whether the scan goes on without the node."""
        return self._can_go_round

    def take(self, message: Message) -> bool:
        """Note a message that is to be sent to the node; False where the node is dead, and it has to go round it."""
        with self._lock:
            if not self._is_dead:
                self._n_sent[message.id.name] += 1
                if self._can_go_round:
                    self._keep(message)
                return True
        self._is_clear.wait()
        return False

    def give(self, message: Message) -> None:
        """Note a message that came from the node."""
        with self._lock:
            self._n_given[message.id.name] += 1
            if message.id is MessageID.RECONDATA and self._is_extra:
                self._is_extra = False
                return
            # What the node was sent, given once more behind its own word for it, is nothing that it gives back.
            self._is_extra = self._is_extra or _says_original(message)
            # Records of the node's own, which are waveforms, come between those that it was sent.
            if self._waiting and self._is_same(self._waiting[0], message):
                self._n_bytes -= len(self._waiting.popleft().data)

    def left(self) -> Iterator[Message]:
        """Take the node for dead, and give what it has not given back; what follows may go round it afterwards."""
        with self._lock:
            self._is_dead = True
        try:
            while self._waiting:
                message = self._waiting.popleft()
                if message.data:
                    yield message
        finally:
            self._is_clear.set()

    def fate(self) -> str:
        """Say what became of what the node was sent; only before :meth:`left`."""
        with self._lock:
            if not self._can_go_round:
                return f"it was sent {_counts(self._n_sent)}, and gave {_counts(self._n_given)}"
            held = [message for message in self._waiting if message.id is not MessageID.CLOSE]
            n_lost = sum(not message.data for message in held)
            lost = f", {n_lost} are lost" if n_lost else ""
            return f"{len(held) - n_lost} messages that it held go on as they came{lost}; what follows goes round it"

    def _keep(self, message: Message) -> None:
        is_kept = self._n_bytes + len(message.data) <= min(KEPT_BYTES, memory_limit() // 4)
        # What is not kept keeps its place, so that what comes back is matched with what was sent.
        self._waiting.append(message if is_kept else Message(message.id, b""))
        self._n_bytes += len(self._waiting[-1].data)

    @staticmethod
    def _is_same(sent: Message, given: Message) -> bool:
        # Samples of what comes back may be repaired; a waveform comes back as it was.
        return sent.id is given.id and (sent.id is not MessageID.WAVEFORM or sent.data == given.data)


def _says_original(message: Message) -> bool:
    return message.id is MessageID.WAVEFORM and is_original(message.data[2:])


def _counts(numbers: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(numbers.items()) if name != "CLOSE") or "nothing"
