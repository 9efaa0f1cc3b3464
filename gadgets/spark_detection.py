"""The node SparkDetection: ReconData in, the points found in it and the ReconData itself out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from time import perf_counter
from typing import Any

from gadgets.detection import LooksForSparks, open_detector
from gadgets.errors import NodeError, RawDataError
from gadgets.kspace import Encoding, KSpace, count_non_finite, describe, warning_of
from gadgets.node import Item, Stage, run_node
from gadgets.records import Detection
from gadgets.report import Report
from gadgets.settings import OnFailure, SparkDetectionSettings
from gadgets.wire import Cell, ReconData, cells_of, waveforms_of

logger = logging.getLogger(__name__)


def spark_detection(connection: Any) -> None:  # noqa: ANN401 - gadgetron is untyped
    """Run the node on a ``gadgetron`` Connection."""
    run_node(connection, "spark_detection", SparkDetectionSettings, open_stage)


def open_stage(settings: SparkDetectionSettings, encodings: tuple[Encoding, ...]) -> Stage:
    """Open the models, before any data, and give the stage of this node."""
    report = Report(settings.report, "spark_detection")
    return partial(
        detect_sparks,
        encodings=encodings,
        detector=open_detector(settings),
        on_failure=settings.on_failure,
        report=report,
    )


def detect_sparks(
    items: Iterable[Item],
    encodings: tuple[Encoding, ...],
    detector: LooksForSparks,
    on_failure: OnFailure,
    report: Report,
) -> Iterator[Item]:
    """Send the points of every k-space ahead of the ReconData that holds it; everything else passes.

    Raises
    ------
    RawDataError, NodeError
        A k-space cannot be judged, and ``on_failure`` is fail.
    """
    for item in items:
        if isinstance(item, ReconData):
            for cell in _judged_cells(item, encodings, on_failure):
                detection = detect(cell.kspace, detector, on_failure)
                report.add(detection)
                yield from waveforms_of(
                    detection, int(cell.header["scan_counter"]), int(cell.header["acquisition_time_stamp"])
                )
        yield item


def _judged_cells(recon_data: ReconData, encodings: tuple[Encoding, ...], on_failure: OnFailure) -> list[Cell]:
    try:
        return cells_of(recon_data, encodings)
    except RawDataError as error:
        if on_failure == "fail":
            raise
        logger.warning("spark_detection: passed on unjudged: %s", error)
        return []


def detect(kspace: KSpace, detector: LooksForSparks, on_failure: OnFailure) -> Detection:
    """Look for sparks in one k-space, in its finite samples.

    Parameters
    ----------
    kspace
        As acquired.
    detector
        Opened before the scan.
    on_failure
        pass: a k-space that cannot be judged gets a detection with a warning and no points.

    Raises
    ------
    NodeError
        Detection failed, and ``on_failure`` is fail.
    """
    start = perf_counter()
    try:
        n_non_finite = count_non_finite(kspace)
        detection = detector.detect(kspace)
    except Exception as error:
        where = describe(kspace.indices)
        if on_failure == "fail":
            raise NodeError(f"spark_detection: {where}: {_reason(error)}") from error
        logger.exception("spark_detection failed (%s); passed on unjudged", where)
        warning = f"passed on unjudged: {_reason(error)}"
        provider = detector.provider
        return Detection(indices=kspace.indices, provider=provider, seconds=perf_counter() - start, warning=warning)
    if not n_non_finite:
        return detection
    warning = warning_of(n_non_finite)
    logger.warning("spark_detection: %s (%s)", warning, describe(kspace.indices))
    return detection.model_copy(update={"warning": "; ".join(filter(None, (detection.warning, warning)))})


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
