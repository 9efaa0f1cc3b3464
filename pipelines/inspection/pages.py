"""A page for each scan that a server keeps: written when the scan is over, beside those that run.

A page is made by a process of its own, of low priority: whatever happens to it costs a page, and no scan.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from gadgets.errors import DesparkError
from gadgets.logbook import RECORD_VARIABLE
from gadgets.outside import without_folders
from gadgets.settings import named_files
from pipelines.files import Archive
from pipelines.forking import end_with
from pipelines.inspection.html_page import write_html
from pipelines.inspection.looking import inspect_raw
from pipelines.threads import start_thread

logger = logging.getLogger(__name__)

MOST_WAITING = 100
"""Scans whose pages wait; of further ones there is none."""

LIMIT_S = 900.0
"""For one page; a scan of a gigabyte takes minutes."""

STOP_S = 20.0
"""For the page that is written when the server stops."""

NICE = 10
PAGE_ENDING = ".html"
_IS_LOOKED_FOR_S = 0.2
# Nothing is imported from the working directory: a folder with data may hold a numpy.py.
_CHILD = "import sys; sys.path[:] = filter(None, sys.path); from pipelines.inspection.pages import main; main(sys.argv)"


class Pages:
    """Writes the pages of scans, one after another, in the order in which they ended.

    Parameters
    ----------
    kept
        The folder of the pages, bounded as an archive.
    """

    def __init__(self, kept: Archive) -> None:
        self._kept = kept
        self._waiting: queue.Queue[tuple[Path, dict[str, str]]] = queue.Queue(MOST_WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pages", daemon=True)

    def __enter__(self) -> Pages:
        start_thread(self._thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        while not self._waiting.empty():
            self._is_missing(self._waiting.get()[0], "the server stops")

    def add(self, scan: Path, settings: Mapping[str, str]) -> None:
        """Have the page of a scan written.

        Parameters
        ----------
        scan
            Its file.
        settings
            Those that it was run with, by ``NODE.PROPERTY``.
        """
        try:
            self._waiting.put_nowait((scan, dict(settings)))
        except queue.Full:
            self._is_missing(scan, f"{MOST_WAITING} scans wait for theirs")

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                scan, settings = self._waiting.get(timeout=_IS_LOOKED_FOR_S)
            except queue.Empty:
                continue
            try:
                self._write(scan, settings)
            # No process can be started, or the folder is gone: later it may be there again.
            except OSError as error:
                self._is_missing(scan, error.strerror or str(error))

    def _write(self, scan: Path, settings: Mapping[str, str]) -> None:
        page = self._kept.folder / scan.with_suffix(self._kept.ending).name
        command = [sys.executable, "-c", _CHILD, str(os.getpid()), str(scan), str(page), json.dumps(settings)]
        # The node has written the scan's entry of the logbook.
        environment = {**os.environ, RECORD_VARIABLE: "off"}
        nowhere = subprocess.DEVNULL
        # Only the owner reads it, as the scan itself.
        with subprocess.Popen(
            command, stdin=nowhere, stdout=nowhere, stderr=subprocess.PIPE, umask=0o077, env=environment
        ) as process:
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
            said = self._wait(process)
        # One that was killed while it wrote had no time to tidy up.
        for rest in page.parent.glob(f".{page.name}.*"):
            rest.unlink(missing_ok=True)
        # Whoever ends all processes of a service may end one that had written its page: pages are whole or not there.
        if process.returncode and not page.exists():
            # Before it was ended it may have warned of other things.
            ended = f"its process was ended by signal {-process.returncode}" if process.returncode < 0 else ""
            reason = ended or said.strip().rpartition("\n")[2]
            self._is_missing(scan, without_folders(reason, [scan, page, *named_files(settings)]))
            return
        self._kept.make_room(page)
        logger.info("pages: %s is written", page.name)

    def _wait(self, process: subprocess.Popen[bytes]) -> str:
        """Wait for a process, less long where the server stops, and give what it said."""
        left_s = LIMIT_S
        while True:
            try:
                return process.communicate(timeout=_IS_LOOKED_FOR_S)[1].decode(errors="replace")
            except subprocess.TimeoutExpired:
                left_s = min(left_s, STOP_S) if self._stopping.is_set() else left_s
                left_s -= _IS_LOOKED_FOR_S
                if left_s < 0:
                    process.kill()

    def _is_missing(self, scan: Path, reason: str) -> None:
        logger.error("pages: no page of %s (%s); `despark inspect` makes one while the scan is kept", scan.name, reason)


def main(arguments: list[str]) -> None:
    """Write one page; what the process of :class:`Pages` runs."""
    parent, scan, page, settings = arguments[1:]
    end_with(int(parent))
    try:
        write_html(Path(page), [inspect_raw(Path(scan), json.loads(settings), lambda _done, _total: None)])
    except DesparkError as error:
        sys.exit(str(error))
