"""despark itself among the rivals: the functions that its nodes call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gadgets.arrays import ComplexArray
from gadgets.detection import for_one_scan, open_detector
from gadgets.failing_open import calibrate, detect
from gadgets.kspace import KSpace
from gadgets.records import Point
from gadgets.repair import open_value_assignment
from gadgets.settings import RawRepairSettings, validate
from pipelines.benchmark.rivals import InformedRival, Rival, ScanRival
from pipelines.benchmark.sparks import SparkEvent


def open_despark(properties: Mapping[str, Any]) -> Rival:
    """Give detection and repair as one function, each k-space judged by itself; see :func:`open_scans`."""
    # The same function sees a k-space clean and with sparks: a memory would tell it the truth.
    return open_scans({**properties, "spark_detection.series_memory": "off"}).open()


def open_scans(properties: Mapping[str, Any]) -> ScanRival:
    """Open the models and give detection and repair as one function, which remembers a scan if the settings say so.

    Parameters
    ----------
    properties
        As for the node ``raw_repair``: ``{"spark_detection.threshold": "0.9"}``.

    Raises
    ------
    SettingsError, ModelError, ProviderError
        The set-up is at fault. A k-space that cannot be judged raises too: a benchmark passes nothing over.
    """
    settings = validate(properties, RawRepairSettings, "benchmark")
    opened, assignment = open_detector(settings.spark_detection), open_value_assignment(settings.calibration)
    calibration = settings.calibration.model_copy(update={"on_failure": "fail"})

    def begin() -> Rival:
        detector = for_one_scan(opened, settings.spark_detection)

        def despark(kspace: KSpace) -> ComplexArray:
            # A k-space that was passed on unjudged would count as one in which nothing was found.
            detection = detect(kspace, detector, "fail")
            found = (detection.target_patches, detection.repairs)
            repaired, _ = calibrate(kspace, detection.points, calibration, assignment, *found)
            return kspace.data if repaired is None else repaired

        return despark

    return ScanRival(begin)


def open_repair(properties: Mapping[str, Any]) -> InformedRival:
    """Give despark's repair alone, for points that are known; raises as :func:`open_despark`."""
    settings = validate(properties, RawRepairSettings, "benchmark")
    assignment = open_value_assignment(settings.calibration)
    calibration = settings.calibration.model_copy(update={"on_failure": "fail"})

    def repair(kspace: KSpace, events: Sequence[SparkEvent]) -> ComplexArray:
        repaired, _ = calibrate(kspace, points_of(kspace, events), calibration, assignment)
        return kspace.data if repaired is None else repaired

    return InformedRival(repair)


def points_of(kspace: KSpace, events: Sequence[SparkEvent]) -> list[Point]:
    """List every sample of the sparks that were put in, as a perfect detection would."""
    return [
        Point(
            partition=event.partition,
            line=event.line,
            sample=event.first + step,
            # Those that were really hit; despark itself repairs all receivers where it sees two.
            receivers=event.receivers,
            probability=1,
            scan_counter=int(kspace.scan_counter[event.partition, event.line]),
            time_stamp=int(kspace.time_stamp[event.partition, event.line]),
        )
        for event in events
        for step in range(event.added.shape[1])
    ]
