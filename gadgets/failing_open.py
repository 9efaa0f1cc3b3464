"""Detection and calibration of one k-space that never lose it: where a step fails, the data go on as acquired.

With ``on_failure`` pass the record says what failed; with fail it is an error. The nodes, the drop-in and the functions
for plain arrays all come through here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.detection import LooksForSparks
from gadgets.errors import NodeError, RawDataError, in_words, trace_of
from gadgets.kspace import KSpace, count_non_finite, describe, in_ordinary_units, in_own_units, warning_of
from gadgets.patches import write_patches
from gadgets.process import threads, time_limit
from gadgets.records import Calibration, Detection, KnownRepair, Point, TargetPatch
from gadgets.repair import CUT_SHORT, ValueAssignment, repair
from gadgets.settings import CalibrationSettings, OnFailure

logger = logging.getLogger(__name__)


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
    # Whatever a library raises: a scan that is lost has to be made again, one with sparks may still be of use.
    except Exception as error:
        where = describe(kspace.indices)
        if on_failure == "fail":
            raise NodeError(f"spark_detection: {where}: {in_words(error)}") from error
        _log(f"spark_detection failed ({where}); passed on unjudged", error)
        warning = f"passed on unjudged: {in_words(error)}"
        provider = detector.provider
        detection = Detection(indices=kspace.indices, provider=provider, seconds=perf_counter() - start)
        return detection.model_copy(update={**extent_of(kspace), "warning": warning})
    # Said here, as what stands in for a detector knows nothing of a k-space.
    if not n_non_finite:
        return detection.model_copy(update=extent_of(kspace))
    warning = warning_of(n_non_finite)
    logger.warning("spark_detection: %s (%s)", warning, describe(kspace.indices))
    warnings = "; ".join(filter(None, (detection.warning, warning)))
    return detection.model_copy(update={**extent_of(kspace), "warning": warnings})


def _log(what: str, error: Exception) -> None:
    logger.error("%s: %s", what, in_words(error), exc_info=trace_of(error))


def extent_of(kspace: KSpace) -> dict[str, Any]:
    """Say how large a k-space is, and from when to when it was acquired."""
    times = kspace.time_stamp[kspace.acquired_lines]
    moments = (int(times.min()), int(times.max())) if times.size else (0, 0)
    return {
        "shape": kspace.data.shape,
        "centre": kspace.centre,
        "acquired": int(np.count_nonzero(kspace.sampled)),
        "moments": moments,
    }


def calibrate(
    kspace: KSpace,
    points: Sequence[Point],
    settings: CalibrationSettings,
    assignment: ValueAssignment | None = None,
    patches: Sequence[TargetPatch] = (),
    repairs: Sequence[KnownRepair] = (),
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
    repairs
        What detection knows of the points already; see :func:`gadgets.repair.fill.repair`.

    Returns
    -------
        The samples with what was repaired or replaced and all others bit-identical, shape ``(coil, kz, ky, kx)``, None
        where nothing was changed; and the record.

    Raises
    ------
    NodeError
        The repair failed, and ``on_failure`` is fail.
    """
    # Most k-spaces: no copy, no time, and nothing that could fail.
    if not points:
        return None, Calibration(indices=kspace.indices)
    start = perf_counter()
    try:
        _check_places(points, kspace)
        acquired, (kspace, scale) = kspace.data, in_ordinary_units(kspace)
        with time_limit(settings.time_limit), threads(settings.threads):
            repaired, record = repair(kspace, points, settings, assignment, repairs=repairs)
        record = _with_warning(_in_own_units(record, scale), settings)
        replaced: ComplexArray | None = None
        # Whoever asks for another method by name gets its values, and no patch over them.
        if settings.method == "auto" and any(patch.samples for patch in patches):
            replaced, anchors = write_patches(kspace, patches, points)
            record = record.model_copy(update={"patches": anchors})
    except Exception as error:
        where, reason = describe(kspace.indices), in_words(error)
        if settings.on_failure == "fail":
            raise NodeError(f"calibration: {where}: {reason}") from error
        _log(f"calibration failed ({where}); passed on as acquired", error)
        warning = f"passed on with {len(points)} points unrepaired: {reason}"
        return None, Calibration(indices=kspace.indices, seconds=perf_counter() - start, warning=warning)
    data = _with_repaired(kspace.data, repaired.data, replaced, record)
    return data if data is None or kspace.data is acquired else in_own_units(acquired, kspace.data, data, scale), record


def _in_own_units(record: Calibration, scale: float) -> Calibration:
    if scale == 1:
        return record
    points = [
        each.model_copy(
            update={"magnitude_before": each.magnitude_before / scale, "magnitude_after": each.magnitude_after / scale}
        )
        for each in record.points
    ]
    return record.model_copy(update={"points": tuple(points)})


def _with_warning(record: Calibration, settings: CalibrationSettings) -> Calibration:
    """Say in the record, and in the log, that the time limit left some points as they are."""
    n_left = sum(each.refusal == CUT_SHORT for each in record.points)
    if not n_left:
        return record
    warning = f"cut short by the time limit of {settings.time_limit:g} s: {n_left} points stay as they are"
    logger.warning("calibration: %s (%s)", warning, describe(record.indices))
    return record.model_copy(update={"warning": warning})


def _check_places(points: Sequence[Point], kspace: KSpace) -> None:
    shape = kspace.sampled.shape
    for point in points:
        # Points may come from another process: a negative index would change a sample at the other end unnoticed.
        place = point.place
        if not all(0 <= value < length for value, length in zip(place, shape, strict=True)):
            raise RawDataError(f"expected points inside a k-space of shape {shape}, found one at {place}")


def _with_repaired(
    acquired: ComplexArray, repaired: ComplexArray, replaced: ComplexArray | None, record: Calibration
) -> ComplexArray | None:
    """Take the patches that were replaced, and from the repair the samples of points, and nothing else.

    A point that was refused stays as it was acquired, also inside of a patch.
    """
    if replaced is None:
        # The repair has made a copy of its own, and has changed nothing but points.
        return repaired if record.n_repaired else None
    for point, method in ((entry.point, entry.method) for entry in record.points):
        # A refused point is undone in all receivers, because a patch has replaced all of them.
        receivers = slice(None) if method is None else list(point.receivers_repaired)
        place = (receivers, point.partition, point.line, point.sample)
        replaced[place] = (acquired if method is None else repaired)[place]
    return replaced
