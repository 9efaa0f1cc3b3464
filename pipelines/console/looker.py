"""Looks at raw files one after the other in a thread of its own, and keeps the pictures of the last ones."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType

from gadgets.errors import DesparkError, in_words
from gadgets.logbook import SCAN_PREFIX
from gadgets.outside import printable, without_folders
from gadgets.settings import named_files
from pipelines.console.desk import Desk
from pipelines.inspection import Inspection
from pipelines.replay import entry_of_report
from pipelines.threads import start_thread

logger = logging.getLogger(__name__)

MOST_KEPT = 12
"""Scans whose pictures are kept: some megabytes each."""

PAUSE_S = 2.0
"""Between two looks at the folders. A file counts once it has not changed for so long."""

Look = Callable[[Path, Mapping[str, str], Callable[[int, int], None]], Inspection]
"""Looks at a file with some settings by ``NODE.PROPERTY``, and is told whom to tell how far it is."""


class Looker:
    """Looks at every file once, at new files as they come, and again at those that have grown since.

    Parameters
    ----------
    find
        Gives the files that are there by now.
    look
        Looks at one of them.
    desk
        Takes the entries about them; its history says which thresholds hold.
    properties
        Settings beside those.
    """

    def __init__(
        self, find: Callable[[], Iterable[Path]], look: Look, desk: Desk, properties: Mapping[str, str]
    ) -> None:
        self._find, self._look, self._desk = find, look, desk
        self._properties = {
            "spark_detection.history": str(desk.logbook.path),
            "spark_detection.thresholds_from": "history",
            **properties,
            # The entry is written here, where its number has to be known.
            "calibration.record": "off",
        }
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self._sizes: dict[Path, int] = {}
        # With their sizes: a file that grew was not whole.
        self._seen: dict[Path, int] = {}
        self._again: dict[Path, None] = {}
        self._known: set[Path] = set()
        self._kept: dict[int, tuple[Path, Inspection]] = {}
        self._status = ""
        self._failures: dict[Path, str] = {}
        self._thread = threading.Thread(target=self._run, name="looker", daemon=True)

    def __enter__(self) -> Looker:
        start_thread(self._thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A look that is under way ends with the process: it writes nothing but its entry.
        self._ends.set()

    def status(self) -> str:
        """Say what is being looked at, and what could not be."""
        with self._lock:
            return "; ".join(filter(None, [self._status, *self._failures.values()]))

    def seen(self, number: int) -> tuple[Path, Inspection] | None:
        """Give the file of a scan of the logbook, and what was seen in it; None where that is not kept."""
        with self._lock:
            return self._kept.get(number)

    def look_again(self, number: int) -> bool:
        """Look once more at the file of a scan, with the thresholds that hold by now; whether there is such a file."""
        with self._lock:
            if number not in self._kept:
                return False
            self._again[self._kept[number][0]] = None
            return True

    def _run(self) -> None:
        while not self._ends.is_set():
            path = self._next()
            if path is None:
                self._ends.wait(PAUSE_S if not self._again else 0)
            else:
                self._look_at(path)

    def _next(self) -> Path | None:
        with self._lock:
            if self._again:
                path = next(iter(self._again))
                del self._again[path]
                return path
        try:
            running = {scan.scan for scan in self._desk.running()}
            for path in self._find():
                # A scan that pauses is not over.
                if path.stem not in running and self._is_still(path) and self._seen.get(path) != self._sizes[path]:
                    # Also where the look will fail: a damaged file would be tried for ever.
                    self._seen[path] = self._sizes[path]
                    return path
        except OSError as error:
            # A folder that went away, or is closed to us, may come back: the page says so.
            self._say(f"the folders cannot be looked through ({error.strerror or error})")
        return None

    def _is_still(self, path: Path) -> bool:
        """Whether a file is no longer being written, as far as its size tells."""
        try:
            size = path.stat().st_size
        except OSError:
            return False
        before = self._sizes.get(path)
        self._sizes[path] = size
        return before == size

    def _look_at(self, path: Path) -> None:
        # A file may be called anything.
        name = printable(path.name)
        self._say(f"looking at {name}")
        try:
            seen = self._look(
                path, self._properties, lambda done, total: self._say(f"looking at {name}: {done} of {total}")
            )
            self._keep(path, seen)
        # Whatever it is: the thread goes on to the next file, and the page says what became of this one.
        except Exception as error:
            named = [path, *named_files(self._properties)]
            reason = printable(without_folders(in_words(error), named))
            if isinstance(error, DesparkError):
                logger.warning("%s", reason)
            else:
                reason = f"{name}: cannot be looked at ({reason})"
                logger.error("%s", reason)
                logger.debug("where it failed", exc_info=error)
            with self._lock:
                self._failures[path] = reason
        else:
            with self._lock:
                self._failures.pop(path, None)
        self._say("")

    def _keep(self, path: Path, seen: Inspection) -> None:
        # Both under the lock: who finds the entry in the logbook finds its pictures here.
        with self._lock:
            self._kept[self._number_of(path, seen)] = (path, seen)
            self._known.add(path)
            while len(self._kept) > MOST_KEPT:
                # Numbers of the logbook grow: the smallest is the oldest.
                del self._kept[min(self._kept)]

    def _number_of(self, path: Path, seen: Inspection) -> int:
        """Give the number of a scan that its node has recorded, else that of a new entry about the file."""
        if path.stem.startswith(SCAN_PREFIX) and path not in self._known:
            recorded = [number for number, entry in self._desk.scans() if entry.scan == path.stem]
            if recorded:
                return recorded[0]
        return self._desk.logbook.add(entry_of_report(seen.report))

    def _say(self, status: str) -> None:
        with self._lock:
            self._status = status
