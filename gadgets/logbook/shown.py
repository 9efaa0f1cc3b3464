"""Shows a scan to those who look while it runs: how far it is, and what was found by then."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gadgets.errors import StoreError
from gadgets.findings import Findings, ScanFacts
from gadgets.logbook.place import logbook_path
from gadgets.logbook.running_file import RunningFile, RunningScan
from gadgets.logbook.running_picture import Images
from gadgets.logbook.scan_entry import now
from gadgets.logbook.scan_name import ScanName, this_scan

logger = logging.getLogger(__name__)


class ShownScan:
    """A scan as it is shown, under the name that it has by now.

    Parameters
    ----------
    logbook
        The file beside which it is shown; None: nowhere.
    source
        What runs it.
    began
        When it began, see :func:`now`.
    """

    def __init__(self, logbook: Path | None, source: str, began: str) -> None:
        self._logbook = logbook
        self._source = source
        self._began = began
        self._name: ScanName | None = None
        self._file: RunningFile | None = None

    def picture(self, images: Images) -> None:
        """Have a picture made of a k-space, if somebody looks."""
        if self._file is not None:
            self._file.picture.show(images)

    def tell(self, findings: Findings) -> None:
        """Tell how far the scan is; a scan without a name is told to nobody."""
        # Asked anew each time: a node behind others learns its scan's name from them.
        name = this_scan()
        if self._logbook is None or not name.scan:
            return
        if self._file is None or name != self._name:
            self.close()
            self._file, self._name = RunningFile(self._logbook, name.scan), name
        self._file.write(
            RunningScan(
                **name._asdict(),
                began=self._began,
                source=self._source,
                protocol=findings.facts.protocol,
                station=findings.facts.station,
                announced=findings.facts.announced,
                k_spaces=findings.n_kspaces,
                sparks=findings.n_sparks,
                repaired=findings.n_repaired,
                strongest=findings.strongest,
                pictures=self._file.picture.count,
            )
        )

    def close(self) -> None:
        """Show it no more."""
        if self._file is not None:
            self._file.close()
            self._file = None


@contextmanager
def show_running(name: ScanName, source: str, facts: ScanFacts) -> Iterator[None]:
    """Show a scan as running before any node does, whose own word then stands in its place.

    Parameters
    ----------
    name
        Of the scan.
    source
        What runs it.
    facts
        What its header says.
    """
    # Beside the file that nodes write to where nothing is set: their settings are not known here.
    try:
        logbook = logbook_path("auto")
    except StoreError as error:
        logger.debug("who looks will not see that this scan runs (%s)", error)
        logbook = None
    if logbook is None:
        yield
        return
    with closing(RunningFile(logbook, name.scan)) as file:
        file.write(
            RunningScan(
                scan=name.scan,
                client=name.client,
                began=now(),
                source=source,
                protocol=facts.protocol,
                station=facts.station,
            )
        )
        yield
