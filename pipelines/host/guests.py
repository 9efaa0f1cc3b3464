"""Who is connected to a server now: room is made among them, and in the end they are seen off."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from pipelines.host.limits import CROWDED_S
from pipelines.host.reception import Reception

logger = logging.getLogger(__name__)


class Guest(Protocol):
    """Somebody who is connected."""

    @property
    def name(self) -> str:
        """Where it comes from, for the log."""

    @property
    def idle_s(self) -> float:
        """For how long it has had its place without a scan."""

    def abort(self) -> None:
        """Break the connection; from then on it is not idle."""


GuestT = TypeVar("GuestT", bound=Guest)


class Guests(Generic[GuestT]):
    """Those who are connected, as they come and go in threads of their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._there: list[GuestT] = []

    def __len__(self) -> int:
        return len(self._there)

    def __iter__(self) -> Iterator[GuestT]:
        with self._lock:
            # A copy, as they take themselves out when they end.
            return iter(list(self._there))

    @contextmanager
    def present(self, guest: GuestT) -> Iterator[None]:
        """Count one as there until this ends."""
        with self._lock:
            self._there.append(guest)
        try:
            yield
        finally:
            with self._lock:
                self._there.remove(guest)

    def make_room(self) -> bool:
        """Break off who has had no scan for longest, if that is long; say whether there was one."""
        longest = max(self, key=lambda guest: guest.idle_s, default=None)
        if longest is None or longest.idle_s < CROWDED_S:
            return False
        logger.warning("%s: broken off, has no scan for %.0f s and others wait", longest.name, longest.idle_s)
        longest.abort()
        return True

    def see_off(self, reception: Reception, ask: Callable[[GuestT], None], limit_s: float, last_s: float) -> None:
        """Ask all to end, break off who has not after so long, and wait a last time."""
        guests = list(self)
        for guest in guests:
            ask(guest)
        # Who does not read what he is told must not keep the server from stopping.
        if not reception.join(limit_s):
            for guest in guests:
                guest.abort()
            reception.join(last_s)
