"""What the console knows: the logbook of scans, and the history in it that the next scan reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gadgets.errors import StoreError
from gadgets.logbook import (
    SCAN_PREFIX,
    Logbook,
    RunningScan,
    ScanEntry,
    logbook_path,
    picture_of_running,
    record_broken_off,
    running_scans,
    watch_running,
)
from gadgets.patch_models import Impact, SetThresholds, read_history, take_over, thresholds_of
from gadgets.settings import SparkDetectionSettings
from onnx_models.manifest import read_manifest
from onnx_models.model_entry import Architecture
from pipelines.inspection import PAGE_ENDING

JUDGES = ("first_classification", "patch_calibration")
"""Roles of the models that tell how sure they are of a spark."""

MOST_SCANS = 50
"""That the list shows."""

THRESHOLDS = ("threshold", "centre_threshold", "point_threshold", "core_threshold")
"""Settings of ``spark_detection`` that can be set here."""

EARLIER_HISTORY = "history.jsonl"
"""Beside the logbook: where an older console wrote."""

_SCAN = re.compile(SCAN_PREFIX + r"[\w-]+")


class InForce(NamedTuple):
    """What the next scan will be judged by: as it was set, as feedback has moved it, and who set it.

    ``accuracy`` is the share of what each architecture said that people confirmed; ``n_impacts`` says of how many
    images they told what sparks did to them.
    """

    as_set: Mapping[str, float]
    moved: Mapping[str, float]
    source: str
    changes: Sequence[SetThresholds]
    n_feedback: int
    accuracy: Mapping[str, float]
    n_impacts: Mapping[Impact, int]


class Desk:
    """Reads the logbook, and the history in it.

    Parameters
    ----------
    logbook
        Of the scans; it is made if it is not there.
    earlier
        A history of lines that is taken over, once; the one that an older console left is taken without asking.
    pages
        Folder of the pages that servers keep.

    Raises
    ------
    StoreError
        The logbook cannot be written, or a history is damaged.
    """

    def __init__(self, logbook: Logbook, earlier: Path | None = None, pages: Path | None = None) -> None:
        self.logbook = logbook
        self._pages = pages
        logbook.prepare()
        beside = logbook.path.with_name(EARLIER_HISTORY)
        for each in filter(None, (beside if beside.exists() else None, earlier)):
            take_over(each, logbook.path)
        # At the start: a damaged history is an error now, and not of the first form that somebody fills in.
        read_history(logbook.path)
        self.history = "auto" if _is_usual(logbook.path) else str(logbook.path)
        """What scans are told to follow what is said here: a value of ``spark_detection.history``."""
        self.architectures: Mapping[str, Architecture] = {
            model.name: model.architecture for model in read_manifest().models if model.role in JUDGES
        }

    def scans(self) -> list[tuple[int, ScanEntry]]:
        """Give the last scans with their numbers, the latest first; those whose process was killed, too."""
        record_broken_off(self.logbook)
        return self.logbook.last(MOST_SCANS)

    def running(self) -> list[RunningScan]:
        """Give the scans that run now, the latest first."""
        return running_scans(self.logbook.path)

    def watched(self) -> list[RunningScan]:
        """Give the scans that run now for somebody who looks: they make pictures for some seconds from now on."""
        running = self.running()
        if running:
            watch_running(self.logbook.path)
        return running

    def picture_of(self, scan: str) -> NDArray[np.uint8] | None:
        """Give the last image of a scan that runs before and after the repair, shape ``(2, y, x)``; None: none yet."""
        return picture_of_running(self.logbook.path, scan)

    def page_of(self, entry: ScanEntry) -> Path | None:
        """Give the page that a server has kept of a scan; None where there is none."""
        # The name stands in a file that others write to: it must not lead out of the folder.
        if self._pages is None or not _SCAN.fullmatch(entry.scan):
            return None
        page = self._pages / f"{entry.scan}{PAGE_ENDING}"
        return page if page.is_file() else None

    def verdicts(self) -> Mapping[str, str]:
        """Tell what somebody has said of sparks, by their names: yes, no, or the impact of one."""
        history = read_history(self.logbook.path)
        # In the order in which it was said: of the same spark the last counts.
        said = {each.spark: "yes" if each.was_spark else "no" for each in history.feedback if each.spark}
        return said | {each.spark: each.impact for each in history.impacts if each.spark}

    def in_force(self) -> InForce:
        """Tell by which thresholds the next scan will be judged."""
        history = read_history(self.logbook.path)
        settings = SparkDetectionSettings(thresholds_from="history", history=self.logbook.path)
        layer = thresholds_of(settings, history)
        defaults = {name: float(getattr(settings, name)) for name in THRESHOLDS}
        as_set = history.thresholds[-1].values if history.thresholds else defaults
        n_feedback, accuracy = len(history.newest_feedback), history.accuracy()
        return InForce(
            as_set, layer.by_name, layer.source, history.thresholds, n_feedback, accuracy, history.n_impacts()
        )


def _is_usual(path: Path) -> bool:
    try:
        return logbook_path("auto") == path
    except StoreError:
        return False


def spark_name(number: int, entry: ScanEntry, spark: int) -> str:
    """Name a spark of the logbook for good: numbers alone would begin again in another logbook."""
    return f"{entry.ended} scan {number} spark {spark}"


def image_name(number: int, entry: ScanEntry, place: str) -> str:
    """Name an image of a scan, as :func:`spark_name` does a spark."""
    return f"{entry.ended} scan {number} image {place}"
