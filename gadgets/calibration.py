"""The node Calibration: points and ReconData in, what became of the points and the repaired ReconData out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from time import perf_counter
from typing import Any

from gadgets.arrays import ComplexArray
from gadgets.errors import NodeError, RawDataError
from gadgets.kspace import Encoding, KSpace, describe
from gadgets.node import Item, Stage, run_node
from gadgets.patches import write_patches
from gadgets.records import Calibration, Detection, Point, TargetPatch
from gadgets.repair import ValueAssignment, open_value_assignment, repair
from gadgets.report import Report
from gadgets.settings import CalibrationSettings
from gadgets.wire import ReconData, RecordCollector, Waveform, cells_of, replace_cells, waveforms_of

logger = logging.getLogger(__name__)


def calibration(connection: Any) -> None:  # noqa: ANN401 - gadgetron is untyped
    """Run the node on a ``gadgetron`` Connection."""
    run_node(connection, "calibration", CalibrationSettings, open_stage)


def open_stage(settings: CalibrationSettings, encodings: tuple[Encoding, ...]) -> Stage:
    """Open the model that a repair by a network needs, before any data, and give the stage of this node."""
    return partial(
        repair_sparks,
        encodings=encodings,
        settings=settings,
        assignment=open_value_assignment(settings),
        report=Report(settings.report, "calibration"),
    )


def repair_sparks(
    items: Iterable[Item],
    encodings: tuple[Encoding, ...],
    settings: CalibrationSettings,
    assignment: ValueAssignment | None,
    report: Report,
) -> Iterator[Item]:
    """Repair the points that came ahead of each ReconData; everything else passes.

    Raises
    ------
    RawDataError, NodeError
        Points cannot be repaired, and ``on_failure`` is fail.
    """
    collector = RecordCollector()
    for item in items:
        try:
            if isinstance(item, Waveform):
                collector.add(item)
            if not isinstance(item, ReconData):
                yield item
                continue
            repaired, calibrations = _repaired(item, collector.take(Detection), encodings, settings, assignment)
        except RawDataError as error:
            if settings.on_failure == "fail":
                raise
            logger.warning("calibration: passed on as acquired: %s", error)
            yield item
            continue
        for record in calibrations:
            report.add(record)
            yield from waveforms_of(record)
        yield repaired


def _repaired(
    recon_data: ReconData,
    detections: Sequence[Detection],
    encodings: tuple[Encoding, ...],
    settings: CalibrationSettings,
    assignment: ValueAssignment | None,
) -> tuple[ReconData, list[Calibration]]:
    """Match the detections with the k-spaces of a ReconData, in order, and repair each."""
    if not detections:
        return recon_data, []
    changed: dict[tuple[int, int, int, int], ComplexArray] = {}
    calibrations = []
    for cell, detection in zip_longest(cells_of(recon_data, encodings), detections):
        if cell is None or detection is None or cell.kspace.indices != detection.indices:
            raise RawDataError(
                f"expected one detection for each k-space of a ReconData, in their order; found "
                f"{len(detections)} that do not belong to its k-spaces"
            )
        data, record = calibrate(cell.kspace, detection.points, settings, assignment, detection.target_patches)
        calibrations.append(record)
        if data is not None:
            changed[cell.place] = data
    return (replace_cells(recon_data, changed) if changed else recon_data), calibrations


def calibrate(
    kspace: KSpace,
    points: Sequence[Point],
    settings: CalibrationSettings,
    assignment: ValueAssignment | None = None,
    patches: Sequence[TargetPatch] = (),
) -> tuple[ComplexArray | None, Calibration]:
    """Repair the points of one k-space; first put in the patches that are to be replaced whole, if there are any.

    Parameters
    ----------
    kspace
        As acquired; it is not changed.
    points
        Those to repair.
    settings
        With ``on_failure`` pass, points that cannot be repaired stay as they are and the record says why.
    assignment
        The opened value assignment model; see :func:`gadgets.repair.fill.repair`.
    patches
        Target patches; those that hold samples are replaced whole, with the method ``auto`` only.

    Returns
    -------
        The samples with what was repaired or replaced and all others bit-identical, shape ``(coil, kz, ky, kx)``, None
        where nothing was changed; and the record.

    Raises
    ------
    NodeError
        The repair failed, and ``on_failure`` is fail.
    """
    if not points:
        return None, Calibration(indices=kspace.indices)
    start = perf_counter()
    try:
        _check_places(points, kspace)
        repaired, record = repair(kspace, points, settings, assignment)
        replaced: ComplexArray | None = None
        if settings.method == "auto" and any(patch.samples for patch in patches):
            replaced, anchors = write_patches(kspace, patches, points)
            record = record.model_copy(update={"patches": anchors})
    except Exception as error:
        where, reason = describe(kspace.indices), str(error) or type(error).__name__
        if settings.on_failure == "fail":
            raise NodeError(f"calibration: {where}: {reason}") from error
        logger.exception("calibration failed (%s); passed on as acquired", where)
        warning = f"passed on with {len(points)} points unrepaired: {reason}"
        return None, Calibration(indices=kspace.indices, seconds=perf_counter() - start, warning=warning)
    return _with_repaired(kspace.data, repaired.data, replaced, record), record


def _check_places(points: Sequence[Point], kspace: KSpace) -> None:
    shape = kspace.sampled.shape
    for point in points:
        place = (point.partition, point.line, point.sample)
        if not all(0 <= value < length for value, length in zip(place, shape, strict=True)):
            raise RawDataError(f"expected points inside a k-space of shape {shape}, found one at {place}")


def _with_repaired(
    acquired: ComplexArray, repaired: ComplexArray, replaced: ComplexArray | None, record: Calibration
) -> ComplexArray | None:
    """Take the patches that were replaced, and from the repair the samples of points, and nothing else.

    A point that was refused stays as it was acquired, also inside of a patch.
    """
    if replaced is None and not record.n_repaired:
        return None
    data = acquired.copy() if replaced is None else replaced
    for point, method in ((entry.point, entry.method) for entry in record.points):
        receivers = slice(None) if method is None else list(point.receivers)
        place = (receivers, point.partition, point.line, point.sample)
        data[place] = (acquired if method is None else repaired)[place]
    return data
