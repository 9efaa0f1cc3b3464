"""What stays open from scan to scan, for a process that serves many: opened by key, kept, and given back.

The store knows nothing of what it keeps. Those who open something that costs time (detectors, the models of a repair)
ask for it here; where no store is in use, every scan opens its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

LIMIT = 4
"""Of one kind that are kept open; the one not used for longest is let go."""

OpenedT = TypeVar("OpenedT")


class WarmStore:
    """Opened things, shared by all scans of a process.

    Parameters
    ----------
    limit
        How many of one kind are kept.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: dict[str, OrderedDict[Hashable, Future[Any]]] = {}

    def open(self, kind: str, key: Hashable, load: Callable[[], OpenedT]) -> OpenedT:
        """Give what is kept of this kind under this key; what is not there yet is loaded.

        Scans that begin together wait for the first of them, and nothing is opened twice. No lock is held while
        something loads: a slow disk delays only those who wait for the same thing. An error in `load` is passed on.
        """
        with self._lock:
            kept = self._kept.setdefault(kind, OrderedDict())
            # Taken out and put in behind all others: the order is that of the last use.
            known = kept.pop(key, None)
            # The promise is there before anything loads, so that whoever comes next waits and does not load it again.
            opened: Future[OpenedT] = Future() if known is None else known
            kept[key] = opened
            while len(kept) > self._limit:
                kept.popitem(last=False)
        if known is None:
            try:
                opened.set_result(load())
            except BaseException as error:  # noqa: BLE001 - goes on to all who wait, this thread included
                with self._lock:
                    kept.pop(key, None)
                # No more in the store by now: the next scan tries again, and does not get the old failure.
                opened.set_exception(error)
        return opened.result()

    def __len__(self) -> int:
        return sum(map(len, self._kept.values()))


# By context: threads that did not ask for a store, tests among them, open what they need themselves.
_in_use: ContextVar[WarmStore | None] = ContextVar("warm_store", default=None)


def warm_store() -> WarmStore | None:
    """Give the store that the current thread uses, or None where every scan opens its own."""
    return _in_use.get()


@contextmanager
def using(store: WarmStore) -> Iterator[None]:
    """Let what runs inside, in this thread, keep what it opens in this store."""
    token = _in_use.set(store)
    try:
        yield
    finally:
        _in_use.reset(token)
