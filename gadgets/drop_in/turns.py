"""The items that wait for their turn: what came first goes out first, once its k-space is judged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from gadgets.node import Item
from gadgets.wire import Acquisition, Waveform


@dataclass(eq=False)
class Held:
    """An item that waits for its turn."""

    item: Item
    is_judged: bool = True


class Turns:
    """A queue in the order of arrival."""

    def __init__(self) -> None:
        self._queue: deque[Held] = deque()
        self.n_bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def first(self) -> Item:
        """The item whose turn it is."""
        return self._queue[0].item

    def add(self, item: Item) -> Held:
        """Let an item wait behind all others."""
        held = Held(item)
        self._queue.append(held)
        self.n_bytes += _size_of(item)
        return held

    def ready(self) -> Iterator[Item]:
        """Give the items whose turn has come, up to the first that is not judged yet."""
        while self._queue and self._queue[0].is_judged:
            item = self._queue.popleft().item
            self.n_bytes -= _size_of(item)
            yield item


def held_of(source: object) -> Held:
    """Give the item in the queue that a readout came from."""
    if not isinstance(source, Held):
        raise TypeError(f"expected a readout of an item in the queue, found one of {type(source).__name__}")
    return source


def _size_of(item: Item) -> int:
    """Give the bytes of an item that may wait; others do not come in numbers."""
    return len(item.samples) if isinstance(item, Acquisition | Waveform) else 0
