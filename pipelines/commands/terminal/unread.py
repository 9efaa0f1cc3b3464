"""Standard output and error that nobody may be reading: a full pipe holds up neither the end of a command nor a scan.

A write to it would wait without end, signals or not; and what waits holds the lock of the log, for which all others
wait. So each piece is written when there is room for it. A command that was told to end does not wait for room any
more, and the log of a server waits for a moment only: lines of it can be missed, a scan cannot.
"""

from __future__ import annotations

import io
import math
import select
import sys
import time
from typing import Any

LOOK_S = 0.25
"""So long it may go unnoticed that the command was told to end."""

LOG_PATIENCE_S = 5.0
"""For whoever reads the log of a server."""


class Unread(io.FileIO):
    """A descriptor that is written to as long as somebody reads there.

    Parameters
    ----------
    descriptor
        It stays open.
    """

    _is_told = False
    """Whether the command was told to end; of all of them at once."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.patience_s = math.inf
        self._is_given_up = False

    def write(self, content: Any, /) -> int:  # noqa: ANN401 - whatever holds bytes
        """Write all of it, or leave out what nobody makes room for."""
        whole = left = memoryview(content).cast("B")
        while left and self._has_room():
            # For so much there is room where there is any.
            left = left[super().write(left[: select.PIPE_BUF]) or 0 :]
        return len(whole)

    def _has_room(self) -> bool:
        until = time.monotonic() + self.patience_s
        while not has_room(self.fileno(), 0 if self._is_given_up else LOOK_S):
            # Waited for in vain once, it is not waited for again: a log has thousands of lines.
            if Unread._is_told or self._is_given_up or time.monotonic() > until:
                self._is_given_up = True
                return False
        self._is_given_up = False
        return True


def wait_for_no_reader() -> None:
    """Say that the command was told to end, and no one who does not read is to be waited for."""
    Unread._is_told = True  # noqa: SLF001 - of this module


def be_brief_with_log() -> None:
    """Wait for a moment only, whenever nobody reads the log: what is logged here is less than what waits behind it."""
    raw = getattr(sys.stderr, "buffer", None)
    if isinstance(raw, Unread):
        raw.patience_s = LOG_PATIENCE_S


def watch_standard_streams() -> None:
    """Put such descriptors behind standard output and error of this process."""
    sys.stdout, sys.stderr = _watched(sys.stdout), _watched(sys.stderr)


def _watched(stream: Any) -> Any:  # noqa: ANN401 - None where it is closed
    if stream is None:
        return None
    stream.flush()
    # No buffer between: what a full disk did not take it would hand on again when the program ends.
    return io.TextIOWrapper(
        Unread(stream.fileno()), stream.encoding, stream.errors, line_buffering=stream.line_buffering
    )


def has_room(descriptor: int, wait_s: float = 0) -> bool:
    """Whether something can be written without being waited for."""
    watch = select.poll()
    watch.register(descriptor, select.POLLOUT)
    return bool(watch.poll(wait_s * 1000))
