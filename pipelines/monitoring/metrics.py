"""Numbers of a server, as Prometheus reads them: its text format needs no library."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

from gadgets.errors import StoreError
from gadgets.logbook import Logbook, logbook_path

logger = logging.getLogger(__name__)

PREFIX = "despark"
HELP = {
    "scans_total": "Scans that ended, well or not.",
    "scan_seconds_total": "Time that scans took, added up.",
    "scans_running": "Connections that are served now.",
    "errors_total": "Errors in the log, those of nodes too.",
    "warnings_total": "Warnings in the log, those of nodes too.",
    "recorded_scans_total": "Scans that were recorded on this machine since the server started.",
    "recorded_sparks_total": "Sparks in these scans.",
    "uptime_seconds": "Age of the server.",
}
GAUGES = ("scans_running", "uptime_seconds")
"""What may fall as well as rise."""


class Served:
    """A connection that is served; ``is_scan`` is taken back where nothing but a health check came."""

    def __init__(self) -> None:
        self.is_scan = True


class Metrics(logging.Handler):
    """Counts scans, from any number of threads; as a handler of the log, errors and warnings too."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._counting = threading.Lock()
        self._values: dict[str, float] = dict.fromkeys(HELP, 0.0)
        # Not the clock of the day, which may be set while the server runs.
        self._started = time.monotonic()
        self._since = datetime.now(timezone.utc).isoformat(timespec="seconds")

    @contextmanager
    def scan(self) -> Iterator[Served]:
        """Count a scan, and how long it took."""
        begun, served = time.monotonic(), Served()
        self._add("scans_running", 1)
        try:
            yield served
        finally:
            self._add("scans_running", -1)
            if served.is_scan:
                self._add("scans_total", 1)
                self._add("scan_seconds_total", time.monotonic() - begun)

    def emit(self, record: logging.LogRecord) -> None:
        """Count a line of the log."""
        self._add("errors_total" if record.levelno >= logging.ERROR else "warnings_total", 1)

    def text(self) -> str:
        """Write the numbers in Prometheus' text format."""
        # Without the lock, for which every scan and every line of the log would wait: the disk may be slow.
        recorded = self._recorded()
        with self._counting:
            # Under the lock, so that the numbers belong to one moment.
            values = self._values | {"uptime_seconds": time.monotonic() - self._started} | recorded
        lines = []
        for name, value in values.items():
            kind = "gauge" if name in GAUGES else "counter"
            lines += [
                f"# HELP {PREFIX}_{name} {HELP[name]}",
                f"# TYPE {PREFIX}_{name} {kind}",
                f"{PREFIX}_{name} {value:.12g}",
            ]
        return "\n".join(lines) + "\n"

    def _recorded(self) -> dict[str, float]:
        """Give what the record of this machine says; nothing where there is none, or it cannot be read."""
        try:
            path = logbook_path("auto")
            n_scans, n_sparks = (0, 0) if path is None else Logbook(path).totals(self._since)
        except StoreError as error:
            # Not a warning, which would be counted here and said at every question.
            logger.debug("the record cannot be read: %s", error)
            return {}
        return {"recorded_scans_total": n_scans, "recorded_sparks_total": n_sparks}

    def _add(self, name: str, change: float) -> None:
        with self._counting:
            self._values[name] += change
