"""Keeps count of a scan while it runs, and writes one entry when it has ended."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import TracebackType

from gadgets.errors import StoreError, in_words
from gadgets.findings import Findings, ScanFacts
from gadgets.indices import describe
from gadgets.logbook.place import logbook_path
from gadgets.logbook.running import record_broken_off
from gadgets.logbook.running_picture import Images
from gadgets.logbook.scan_entry import entry_of, now
from gadgets.logbook.scan_name import LONGEST, MOST_MODELS, this_scan
from gadgets.logbook.shown import ShownScan
from gadgets.logbook.store import Logbook
from gadgets.outside import printable, without_folders
from gadgets.records import Calibration, Detection
from gadgets.settings import OnFailure

logger = logging.getLogger(__name__)

MOST_WARNINGS = 100

SCAN_FIELDS = "of_scan"
"""Attribute of a line of the log that holds what is known of its scan."""


class Recorder:
    """Records one scan; used as a context, it writes its entry at the end, also where the scan fails.

    Parameters
    ----------
    record
        Where to: ``auto``, ``off`` or a file.
    source
        The node that sees the scan.
    facts
        What the header says.
    settings
        Of the node.
    on_failure
        pass: a logbook that cannot be written is told in the log. Where nobody asked for a file, that is all that ever
        happens.

    Raises
    ------
    StoreError
        The file that was asked for cannot be written, and ``on_failure`` is fail.
    """

    def __init__(
        self, record: str, source: str, facts: ScanFacts, settings: Mapping[str, str], on_failure: OnFailure
    ) -> None:
        self._source = source
        self._settings = dict(settings)
        self._is_strict = on_failure == "fail" and record != "auto"
        self._findings = Findings(facts)
        self._started, self._began = time.monotonic(), now()
        self._refusals: Counter[str] = Counter()
        # Each once, in the order in which they came.
        self._warnings: dict[str, None] = {}
        # As records tell them: the node that looks is another process, as a rule.
        self._models: dict[str, None] = {}
        self._last: Detection | None = None
        self._logbook: Logbook | None = None
        self._path: Path | None = None
        try:
            self._path = logbook_path(record)
            if self._path is not None:
                # Now, and not when the scan has ended: a logbook that cannot be written is told while somebody may
                # still act on it.
                Logbook(self._path).prepare()
                self._logbook = Logbook(self._path)
                record_broken_off(self._logbook)
        except StoreError as error:
            self._failed(error)
        self._shown = ShownScan(self._path, source, self._began)

    def add(self, detection: Detection, calibration: Calibration) -> None:
        """Take what was found in a k-space, and what became of it."""
        with self._harmlessly():
            self._add(detection, calibration)

    def _add(self, detection: Detection, calibration: Calibration) -> None:
        self._findings.add(detection, calibration)
        self._last = detection
        self._refusals.update(point.refusal for point in calibration.points if point.refusal)
        if calibration.points:
            # Where samples change: behind a chain of others nothing else tells of it.
            where, n_refused = describe(calibration.indices), len(calibration.points) - calibration.n_repaired
            repaired = calibration.n_repaired
            logger.info("calibration: %d points repaired, %d left as they are (%s)", repaired, n_refused, where)
        for model in detection.models:
            # The entry stays small, whatever a client sends.
            if len(self._models) < MOST_MODELS:
                self._models[printable(model)[:LONGEST]] = None
        for warning in filter(None, (detection.warning, calibration.warning)):
            if len(self._warnings) < MOST_WARNINGS:
                self._warnings[warning] = None
        self._shown.tell(self._findings)

    def show(self, images: Images) -> None:
        """Have a picture made of a k-space, if somebody looks at the scan as it runs; before it is added."""
        self._shown.picture(images)

    def __enter__(self) -> Recorder:
        self._shown.tell(self._findings)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._harmlessly():
                self._end(error)
        finally:
            # Not before its entry is there: who looks sees the one or the other.
            self._shown.close()

    @contextmanager
    def _harmlessly(self) -> Iterator[None]:
        """See that the scan goes on whatever fails in telling of it, unless somebody insists on his file."""
        try:
            yield
        except StoreError:
            raise
        except Exception:
            logger.exception("%s: the scan is not recorded as it should be", self._source)

    def _end(self, error: BaseException | None) -> None:
        # A generator that is not read to its end is closed: that is no failure of the scan's own.
        failure = error if isinstance(error, Exception) else None
        # A connection that brought no imaging data, as a health check, is no scan.
        if not self._findings.n_kspaces and failure is None:
            return
        self._log_line()
        if self._logbook is None:
            return
        try:
            self._write(self._logbook, "" if failure is None else printable(in_words(failure)))
        except StoreError as trouble:
            # What ended the scan is not to be hidden by that.
            if failure is not None:
                self._warn(trouble)
            else:
                self._failed(trouble)

    def _log_line(self) -> None:
        """Say in one line what was found; a log of JSON gets the parts beside it."""
        findings, facts = self._findings, self._findings.facts
        fields = {
            "protocol": facts.protocol,
            "station": facts.station,
            "sparks": findings.n_sparks,
            "repaired": findings.n_repaired,
            "models": list(self._models),
        }
        named = facts.protocol or "scan without a name"
        logger.info("%s: %s: %s", self._source, named, findings.verdict, extra={SCAN_FIELDS: fields})

    def _write(self, logbook: Logbook, failure: str) -> None:
        findings, last = self._findings, self._last
        logbook.add(
            entry_of(
                self._source,
                findings.facts,
                findings.sparks,
                refusals=self._refusals,
                despark=_version(),
                **this_scan()._asdict(),
                began=self._began,
                provider=last.provider if last is not None else "",
                models=tuple(self._models),
                settings=self._settings,
                thresholds=last.thresholds if last is not None else {},
                thresholds_from=last.thresholds_from if last is not None else "",
                seconds=round(time.monotonic() - self._started, 3),
                k_spaces=findings.n_kspaces,
                unjudged=findings.n_unjudged,
                verdict=findings.verdict,
                patterns=tuple(pattern.kind for pattern in findings.patterns),
                warnings=tuple(self._warnings),
                failure=failure,
            )
        )

    def _failed(self, error: StoreError) -> None:
        if self._is_strict:
            raise error
        self._logbook = None
        self._warn(error)

    def _warn(self, error: StoreError) -> None:
        reason = without_folders(str(error), [] if self._path is None else [self._path])
        logger.warning("%s: the scan is not recorded: %s", self._source, reason)


def _version() -> str:
    try:
        return metadata.version("despark")
    except metadata.PackageNotFoundError:
        return ""
