"""The entry in the logbook of a scan that no node has seen: of a command that looks at files itself."""

from __future__ import annotations

import logging
from collections import Counter

from gadgets.errors import StoreError
from gadgets.logbook import Logbook, ScanEntry, entry_of, logbook_path
from gadgets.settings import CalibrationSettings, without_files
from pipelines.replay.scan_report import ScanReport

logger = logging.getLogger(__name__)


def record_scan(report: ScanReport, settings: CalibrationSettings) -> None:
    """Write an entry about a scan into the logbook.

    Parameters
    ----------
    report
        Of the scan.
    settings
        Say where the logbook is, and what follows where it cannot be written.

    Raises
    ------
    StoreError
        A file that was asked for cannot be written, and ``on_failure`` is fail.
    """
    try:
        path = logbook_path(settings.record)
        if path is not None:
            Logbook(path).add(entry_of_report(report))
    except StoreError as error:
        if settings.on_failure == "fail" and settings.record != "auto":
            # Only where a file was asked for: nobody has asked for the user's own logbook.
            raise
        logger.warning("the scan is not recorded: %s", error)


def entry_of_report(report: ScanReport) -> ScanEntry:
    """Make the logbook's entry about a scan."""
    kspaces = report.k_spaces
    models = dict.fromkeys(model for kspace in kspaces for model in kspace.models)
    return entry_of(
        report.pipeline,
        report.scan,
        report.sparks,
        refusals=Counter(point.refusal for kspace in kspaces for point in kspace.refusals),
        named=report.place_of,
        despark=report.despark,
        provider=", ".join(report.totals.providers),
        models=tuple(models),
        settings=without_files(
            {f"{node}.{name}": value for node, own in report.settings.items() for name, value in own.items()}
        ),
        # The same for all of a scan.
        thresholds=kspaces[-1].thresholds if kspaces else {},
        thresholds_from=kspaces[-1].thresholds_from if kspaces else "",
        seconds=round(report.seconds, 3),
        k_spaces=len(kspaces),
        unjudged=sum(not kspace.is_judged for kspace in kspaces),
        verdict=report.verdict,
        patterns=tuple(pattern.kind for pattern in report.patterns),
        warnings=tuple(dict.fromkeys(warning for kspace in kspaces for warning in kspace.warnings)),
    )
