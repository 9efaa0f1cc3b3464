"""The time limit: how long a step may take with one k-space.

Every loop whose length depends on what is found asks :func:`check_time` each time round, so that no step goes on much
longer than its limit. What it has found by then is used; a step says in its record that it was cut short.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

LATE = 0.7
"""Share of the limit after which nothing new is begun: what was seen by then has to be confirmed, too."""


class TimeIsUp(Exception):  # noqa: N818 - no error: the step that set the limit ends in order
    """The time limit of the step is reached. Whoever set it goes on with what there is."""


class _Limit(NamedTuple):
    start: float
    seconds: float


# By context, because a worker runs several scans in threads of one process, each with a limit of its own.
_in_force: ContextVar[_Limit | None] = ContextVar("time_limit", default=None)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Let what runs inside, in this thread, take so many seconds of wall time; None: as long as it needs."""
    # Monotonic: a clock that is set during a scan must not end it.
    token = _in_force.set(None if seconds is None else _Limit(time.monotonic(), seconds))
    try:
        yield
    finally:
        _in_force.reset(token)


def check_time() -> None:
    """See that there is time left.

    Raises
    ------
    TimeIsUp
        There is none.
    """
    if _used() >= 1:
        raise TimeIsUp


def is_late() -> bool:
    """Tell whether nothing new is to be begun."""
    return _used() >= LATE


def _used() -> float:
    """Give the share of the time that is used; 0 where there is no limit."""
    limit = _in_force.get()
    return 0.0 if limit is None else (time.monotonic() - limit.start) / limit.seconds
