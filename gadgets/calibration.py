"""The node Calibration: points and ReconData in, what became of the points and the repaired ReconData out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.errors import RawDataError
from gadgets.failing_open import calibrate
from gadgets.findings import ScanFacts
from gadgets.image import before_and_after
from gadgets.kspace import Encoding
from gadgets.logbook import Images, Recorder, Report, note_scan
from gadgets.node import Item, Stage, hear_name, run_node
from gadgets.records import Calibration, Detection, Original
from gadgets.repair import ValueAssignment
from gadgets.settings import CalibrationSettings, changed_settings
from gadgets.stand_ins import assignment_for
from gadgets.wire import Cell, ReconData, RecordCollector, Waveform, cells_of, replace_cells, waveforms_of

logger = logging.getLogger(__name__)


def calibration(connection: Any) -> None:  # noqa: ANN401 - gadgetron is untyped
    """Run the node on a ``gadgetron`` Connection."""
    run_node(connection, "calibration", CalibrationSettings, open_stage, hear_name)


def open_stage(settings: CalibrationSettings, encodings: tuple[Encoding, ...], facts: ScanFacts) -> Stage:
    """Open the model that a repair by a network needs, before any data, and give the stage of this node."""
    report = Report(settings.report, "calibration", settings.on_failure, facts.protocol)
    assignment = assignment_for(settings, report)
    recorder = Recorder(settings.record, "calibration", facts, changed_settings(settings), settings.on_failure)
    repairing = partial(repair_sparks, encodings=encodings, settings=settings, assignment=assignment, report=report)
    return partial(recorded, stage=repairing, recorder=recorder)


def recorded(items: Iterable[Item], stage: Callable[..., Iterator[Item]], recorder: Recorder) -> Iterator[Item]:
    """Run the stage, and record the scan when it has ended."""
    with recorder:
        yield from stage(items, on_judged=recorder.add, show=recorder.show)


def repair_sparks(
    items: Iterable[Item],
    encodings: tuple[Encoding, ...],
    settings: CalibrationSettings,
    assignment: ValueAssignment | None,
    report: Report,
    on_judged: Callable[[Detection, Calibration], None],
    show: Callable[[Images], None] = lambda _: None,
) -> Iterator[Item]:
    """Repair the points that came ahead of each ReconData; everything else passes.

    Raises
    ------
    RawDataError, NodeError
        Points cannot be repaired, and ``on_failure`` is fail.
    """
    collector = RecordCollector(Detection)
    for item in items:
        try:
            if isinstance(item, Waveform):
                # Read here and passed on all the same: image_fft writes the records into the meta data.
                collector.add(item)
            if not isinstance(item, ReconData):
                yield item
                continue
            # Records are taken before anything can fail: left behind, they would be matched with the next ReconData.
            detections = collector.take(Detection)
            # For the lines of this node's log: it opens none of these models itself.
            note_scan(models=(model for detection in detections for model in detection.models))
            repaired, calibrations = _repaired(item, detections, encodings, settings, assignment, show)
        except RawDataError as error:
            if settings.on_failure == "fail":
                raise
            logger.warning("calibration: passed on as acquired: %s", error)
            yield item
            yield from _original(item, settings)
            continue
        for detection, record in zip(detections, calibrations, strict=True):
            on_judged(detection, record)
            yield from waveforms_of(report.add(record))
        yield repaired
        yield from _original(item, settings)
        del item, repaired  # or they would be held while the next one is read


def _original(item: Item, settings: CalibrationSettings) -> Iterator[Item]:
    """Give a ReconData once more as it came, after a record that says so, where that is asked for."""
    if settings.send_original and isinstance(item, ReconData):
        yield from waveforms_of(Original())
        yield item


def _repaired(
    recon_data: ReconData,
    detections: Sequence[Detection],
    encodings: tuple[Encoding, ...],
    settings: CalibrationSettings,
    assignment: ValueAssignment | None,
    show: Callable[[Images], None],
) -> tuple[ReconData, list[Calibration]]:
    """Match the detections with the k-spaces of a ReconData, in order, and repair each."""
    # No detection stands before this node, or a gadget between has swallowed its waveforms.
    if not detections:
        return recon_data, []
    changed: dict[tuple[int, int, int, int], ComplexArray] = {}
    calibrations = []
    # To the longer of both, so that a missing detection or k-space is noticed.
    for cell, detection in zip_longest(cells_of(recon_data, encodings), detections):
        # Where k-spaces were dropped or reordered on the way, points of one would be repaired in another.
        if cell is None or detection is None or cell.kspace.indices != detection.indices:
            raise RawDataError(
                f"expected one detection for each k-space of a ReconData, in their order; found "
                f"{len(detections)} that do not belong to its k-spaces"
            )
        found = (detection.target_patches, detection.repairs)
        data, record = calibrate(cell.kspace, detection.points, settings, assignment, *found)
        calibrations.append(record)
        # For whoever looks at the scan as it runs.
        show(partial(_images, cell, data))
        if data is not None:
            changed[cell.place] = data
    return (replace_cells(recon_data, changed) if changed else recon_data), calibrations


def _images(cell: Cell, repaired: ComplexArray | None) -> tuple[FloatArray, FloatArray]:
    return before_and_after(cell.kspace, repaired, cell.encoding)[:2]
