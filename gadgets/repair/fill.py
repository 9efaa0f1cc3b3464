"""Repair: puts in place of flagged samples what belongs there, or leaves them where that would do harm."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.kspace import KSpace
from gadgets.records import Calibration, Point, RepairedPoint, RepairMethod
from gadgets.repair.bursts import Burst, group_bursts, surround
from gadgets.repair.candidates import Candidate
from gadgets.repair.predictor import Predictor
from gadgets.repair.value_assignment import ValueAssignment
from gadgets.settings import CalibrationSettings

LARGEST = 4.0
"""Deviation of a sample in one receiver that clean samples hardly ever reach."""

OVERALL = 6.0
"""Mean square deviations over `n` receivers that clean samples hardly ever reach: ``1 + OVERALL / sqrt(n)``."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What is to become of one point: ``values`` for its receivers by ``method``, or the reason why not."""

    method: RepairMethod | None = None
    values: ComplexArray | None = None
    refusal: str = ""


def repair(
    kspace: KSpace,
    points: Sequence[Point],
    settings: CalibrationSettings,
    assignment: ValueAssignment | None = None,
) -> tuple[KSpace, Calibration]:
    """Repair the flagged samples of one k-space, in the receivers that were hit; all others stay as they are.

    Parameters
    ----------
    kspace
        As acquired; not modified.
    points
        The flagged samples.
    settings
        ``method`` is ``zero``, ``conjugate``, ``interpolation`` or ``network``, which repair wherever they can;
        ``auto``, which takes what is measured best around each burst, or what a calibration model said where that
        agrees with it, and leaves samples that are not convincingly abnormal; or ``none``, which leaves all.
    assignment
        The opened value assignment model; needed with the method ``network``.

    Returns
    -------
    tuple
        The repaired k-space (the same object where nothing was changed), and what became of each point, in order.

    Raises
    ------
    ModelError
        The method is ``network``, and no model was opened.
    """
    start = time.perf_counter()
    outcomes = _outcomes(kspace, points, settings, assignment)
    data = kspace.data
    for point, outcome in zip(points, outcomes, strict=True):
        if outcome.values is not None:
            data = data.copy() if data is kspace.data else data
            data[list(point.receivers), point.partition, point.line, point.sample] = outcome.values
    records = tuple(_record(kspace, data, *pair) for pair in zip(points, outcomes, strict=True))
    calibration = Calibration(indices=kspace.indices, points=records, seconds=time.perf_counter() - start)
    return (kspace if data is kspace.data else replace(kspace, data=data)), calibration


def deviations(kspace: KSpace, points: Sequence[Point]) -> FloatArray:
    """Tell how far flagged samples are from what belongs there, whatever found them.

    Parameters
    ----------
    kspace
        As acquired.
    points
        Samples to be judged; their receivers and values do not matter, none is used for the prediction of another.

    Returns
    -------
    FloatArray
        Shape ``(point, coil)``: distance between what was recorded and what is predicted, in units of the
        prediction's root mean square error on clean samples nearby. About 1 for a clean sample; NaN for a point
        that cannot be judged.
    """
    everywhere = tuple(range(kspace.n_coils))
    whole = [point.model_copy(update={"receivers": everywhere, "values": ()}) for point in points]
    result = np.full((len(points), kspace.n_coils), np.nan)
    listed = [index for index, point in enumerate(whole) if not _fault(kspace, point)]
    if not listed:
        return result
    around = surround(kspace, [whole[index] for index in listed])
    bursts = group_bursts(kspace, whole, listed)
    predictor = Predictor(around, bursts)
    for burst in bursts:
        deviation = _deviation(predictor.auto(burst), burst.of(around.data))
        for index, step in burst.points:
            result[index] = deviation[:, step]
    return result


def _outcomes(
    kspace: KSpace, points: Sequence[Point], settings: CalibrationSettings, assignment: ValueAssignment | None
) -> list[Outcome]:
    """Decide on every point."""
    if settings.method == "none":
        return [Outcome(refusal="repair is switched off")] * len(points)
    if settings.method == "conjugate" and not kspace.is_gridded:
        return [Outcome(refusal="readouts without a place in k-space have no conjugate partners")] * len(points)
    outcomes = [Outcome(refusal=_fault(kspace, point)) for point in points]
    listed = [index for index, outcome in enumerate(outcomes) if not outcome.refusal]
    if listed:
        around = surround(kspace, [points[index] for index in listed])
        bursts = group_bursts(kspace, points, listed)
        predictor = Predictor(around, bursts, assignment)
        for burst in bursts:
            candidate = _candidate(predictor, burst, settings, _given(points, burst))
            for index, step in burst.points:
                rows = np.searchsorted(burst.receivers, points[index].receivers)
                outcomes[index] = _decide(candidate, burst.of(around.data), settings.method, rows, step)
    return outcomes


def _candidate(
    predictor: Predictor, burst: Burst, settings: CalibrationSettings, given: ComplexArray
) -> Candidate | None:
    """Predict a burst by the method that is set; `given` is what the points say themselves, see :func:`_given`."""
    if settings.method == "zero":
        return predictor.zero(burst)
    if settings.method == "conjugate":
        return predictor.conjugate(burst)
    if settings.method == "interpolation":
        return predictor.interpolation(burst)
    if settings.method == "network":
        return predictor.network(burst)
    return predictor.auto(burst) if np.isnan(given).all() else predictor.calibrated(burst, given)


def _given(points: Sequence[Point], burst: Burst) -> ComplexArray:
    """Collect the values that a calibration model gave to a burst, shape ``(receiver, sample)``; NaN where none."""
    given = np.full((burst.receivers.size, burst.length), np.nan, dtype=np.complex64)
    for index, step in burst.points:
        if points[index].values:
            rows = np.searchsorted(burst.receivers, points[index].receivers)
            given[rows, step] = [complex(*parts) for parts in points[index].values]
    return given


def _deviation(candidate: Candidate, recorded: ComplexArray) -> FloatArray:
    """Distance between recorded and predicted samples in units of the error nearby, shape ``(receiver, sample)``.

    Zero where that error is not known (infinite).
    """
    distance = np.abs(recorded - candidate.values).astype(np.float64)
    # A silent receiver is predicted without any error: it deviates not at all, or beyond all measure.
    return np.divide(distance, candidate.error, out=np.where(distance > 0, np.inf, 0.0), where=candidate.error > 0)


def _decide(
    candidate: Candidate | None, recorded: ComplexArray, method: str, rows: NDArray[np.int_], step: int
) -> Outcome:
    """Decide on one point: `rows` are its receivers among those of its burst, `step` its place in the burst."""
    if candidate is None:
        return Outcome(refusal="the conjugate partner was not acquired or is flagged itself")
    values = candidate.values[rows, step]
    if method != "auto":
        return Outcome(method=candidate.method, values=values)
    if not np.isfinite(candidate.error[rows, step]).all():
        return Outcome(refusal="no clean samples nearby to measure a repair on")
    deviation = _deviation(candidate, recorded)[rows, step]
    if deviation.max() <= LARGEST and np.mean(deviation**2) <= 1 + OVERALL / np.sqrt(len(rows)):
        return Outcome(refusal=f"at most {deviation.max():.1f} times as far from its prediction as clean samples are")
    # Of the change, only the part that is not the prediction's own error: a receiver that was hardly hit keeps
    # nearly what it recorded.
    share = 1 - 1 / np.maximum(deviation, 1) ** 2
    return Outcome(method=candidate.method, values=recorded[rows, step] + share * (values - recorded[rows, step]))


def _fault(kspace: KSpace, point: Point) -> str:
    """Say why a point cannot be repaired in this k-space at all; empty if it can."""
    place = (point.partition, point.line, point.sample)
    if not point.receivers:
        return "no receiver was hit"
    if point.values and len(point.values) != len(point.receivers):
        return f"expected a value for each of {len(point.receivers)} receivers, found {len(point.values)}"
    if not _is_inside(kspace, point):
        return f"outside of the k-space: receivers {point.receivers} at {place}, shape {kspace.data.shape}"
    if not kspace.sampled[place]:
        return "nothing was acquired here"
    if not np.isfinite(kspace.data[(list(point.receivers), *place)]).all():
        return "not a finite number"
    return ""


def _is_inside(kspace: KSpace, point: Point) -> bool:
    place = (point.partition, point.line, point.sample)
    inside = all(0 <= index < n for index, n in zip(place, kspace.data.shape[1:], strict=True))
    return inside and all(0 <= receiver < kspace.n_coils for receiver in point.receivers)


def _record(kspace: KSpace, data: ComplexArray, point: Point, outcome: Outcome) -> RepairedPoint:
    """Describe what became of a point, by the strongest of its receivers; magnitude 0 where there is no number."""
    before = after = 0.0
    if point.receivers and _is_inside(kspace, point):
        where = (list(point.receivers), point.partition, point.line, point.sample)
        magnitudes = np.nan_to_num(np.abs(kspace.data[where]), nan=0.0, posinf=0.0)
        strongest = int(np.argmax(magnitudes))
        before = float(magnitudes[strongest])
        after = float(np.nan_to_num(np.abs(data[where][strongest]), nan=0.0, posinf=0.0))
    return RepairedPoint(
        point=point, method=outcome.method, magnitude_before=before, magnitude_after=after, refusal=outcome.refusal
    )
