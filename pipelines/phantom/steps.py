"""How far something is, told to whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

ItemT = TypeVar("ItemT")
OnStep: TypeAlias = Callable[[int, int], None]
"""Called with how many of how many are done."""


def ignore(_done: int, _total: int) -> None:
    """Watch no progress."""


def watched(items: Iterable[ItemT], total: int, on_step: OnStep) -> Iterator[ItemT]:
    """Hand items on, and tell how many of them have gone by."""
    for number, item in enumerate(items, 1):
        yield item
        on_step(number, total)
