"""The node SparkDetection: ReconData in, the points found in it and the ReconData itself out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from gadgets.detection import LooksForSparks
from gadgets.errors import RawDataError
from gadgets.failing_open import detect
from gadgets.findings import ScanFacts
from gadgets.kspace import Encoding
from gadgets.logbook import Report, this_scan
from gadgets.node import Item, Stage, hear_name, run_node
from gadgets.settings import OnFailure, SparkDetectionSettings
from gadgets.stand_ins import detector_for
from gadgets.wire import Cell, ReconData, cells_of, waveforms_of

logger = logging.getLogger(__name__)


def spark_detection(connection: Any) -> None:  # noqa: ANN401 - gadgetron is untyped
    """Run the node on a ``gadgetron`` Connection."""
    run_node(connection, "spark_detection", SparkDetectionSettings, open_stage, hear_name)


def open_stage(settings: SparkDetectionSettings, encodings: tuple[Encoding, ...], facts: ScanFacts) -> Stage:
    """Open the models, before any data, and give the stage of this node."""
    report = Report(settings.report, "spark_detection", settings.on_failure, facts.protocol)
    return partial(
        detect_sparks,
        encodings=encodings,
        detector=detector_for(settings),
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
            # One record for every cell, empty ones too: the nodes behind match records and cells by their order.
            for cell in _judged_cells(item, encodings, on_failure):
                detection = report.add(detect(cell.kspace, detector, on_failure))
                detection = detection.model_copy(update=this_scan()._asdict())
                yield from waveforms_of(
                    detection, int(cell.header["scan_counter"]), int(cell.header["acquisition_time_stamp"])
                )
                del cell
        yield item
        del item  # or it would be held while the next one is read


def _judged_cells(recon_data: ReconData, encodings: tuple[Encoding, ...], on_failure: OnFailure) -> list[Cell]:
    try:
        return cells_of(recon_data, encodings)
    except RawDataError as error:
        if on_failure == "fail":
            raise
        # Without records it goes on as acquired: calibration repairs nothing, and the image says that it was not
        # judged.
        logger.warning("spark_detection: passed on unjudged: %s", error)
        return []
