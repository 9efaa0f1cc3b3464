"""Repair: puts in place of flagged samples what belongs there, or leaves them where that would do harm."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.kspace import KSpace
from gadgets.process import TimeIsUp, check_time
from gadgets.records import Calibration, KnownRepair, Point, RepairedPoint
from gadgets.repair.bursts import Burst, group_bursts, surround
from gadgets.repair.candidates import Candidate, agreed
from gadgets.repair.carried import samples_at, taken, told_by_series
from gadgets.repair.network import ValueAssignment
from gadgets.repair.predicted_once import Predictions
from gadgets.repair.predictor import Predictor
from gadgets.repair.refusal import Departures, Outcome, decide, fault_of, is_inside
from gadgets.settings import CalibrationSettings

CUT_SHORT = "there was no time left to repair it (time limit)"
NO_PARTNER = "the sample opposite the centre of k-space was not measured, or is taken for a spark too"


def repair(
    kspace: KSpace,
    points: Sequence[Point],
    settings: CalibrationSettings,
    assignment: ValueAssignment | None = None,
    known: Predictions | None = None,
    repairs: Sequence[KnownRepair] = (),
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
        agrees with it, and leaves samples that are not convincingly abnormal; ``series``, which takes what `repairs`
        hold of earlier k-spaces; or ``none``, which leaves all.
    assignment
        The opened value assignment model; needed with the method ``network``.
    known
        What has been predicted of this k-space, for the method ``auto``; None: nothing.
    repairs
        What detection knows of the points, for the method ``auto``; taken where it holds for these samples.

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
    # Detection repairs by `auto`, and knows nothing of what other methods would do.
    outcomes = taken(kspace, points, repairs) if settings.method == "auto" else None
    if settings.method == "series":
        outcomes = told_by_series(kspace, points, repairs)
    if outcomes is None:
        outcomes = outcomes_of(kspace, points, settings, assignment, known)
    data = kspace.data
    for point, outcome in zip(points, outcomes, strict=True):
        if outcome.values is not None:
            # Not before the first change: most k-spaces need no second copy.
            data = data.copy() if data is kspace.data else data
            data[list(point.receivers_repaired), point.partition, point.line, point.sample] = outcome.values
    records = _records(kspace, data, points, outcomes)
    calibration = Calibration(indices=kspace.indices, points=records, seconds=time.perf_counter() - start)
    return (kspace if data is kspace.data else replace(kspace, data=data)), calibration


def outcomes_of(
    kspace: KSpace,
    points: Sequence[Point],
    settings: CalibrationSettings,
    assignment: ValueAssignment | None = None,
    known: Predictions | None = None,
) -> list[Outcome]:
    """Decide on every point; parameters are those of :func:`repair`."""
    if settings.method == "none":
        return [Outcome(refusal="repair is switched off")] * len(points)
    if settings.method == "conjugate" and not kspace.is_gridded:
        return [Outcome(refusal="the readout has no place in k-space, so nothing lies opposite")] * len(points)
    faults = [fault_of(kspace, point) for point in points]
    # Cut short until it is decided on: then nothing has to be said of those for which time was up.
    outcomes = [Outcome(refusal=fault or CUT_SHORT) for fault in faults]
    listed = [index for index, fault in enumerate(faults) if not fault]
    predicted = []
    # What is predicted by the time that is up holds: no repair is made from another one.
    with contextlib.suppress(TimeIsUp):
        for each in _candidates(kspace, points, listed, settings, assignment, known):
            predicted.append(each)
    for index, outcome in _decided(points, predicted, settings.method):
        outcomes[index] = outcome
    return outcomes


def _decided(
    points: Sequence[Point], predicted: Sequence[tuple[Burst, ComplexArray, Candidate | None]], method: str
) -> Iterator[tuple[int, Outcome]]:
    """Decide on the points of bursts by what is predicted, and give these by their numbers."""
    away = None
    if method == "auto" and predicted:  # others repair wherever they can, however far that is from what was recorded
        away = Departures([each for _, _, each in predicted if each is not None], [each for _, each, _ in predicted])
    for number, (burst, _, candidate) in enumerate(predicted):
        for index, step in burst.points:
            rows = np.searchsorted(burst.receivers, points[index].receivers_repaired)
            if candidate is None:
                yield index, Outcome(refusal=NO_PARTNER)
            elif away is None:
                yield index, Outcome(method=candidate.method, values=candidate.values[rows, step])
            else:
                yield index, decide(candidate.method, away, away.at(number, rows, step))


def _candidates(
    kspace: KSpace,
    points: Sequence[Point],
    listed: Sequence[int],
    settings: CalibrationSettings,
    assignment: ValueAssignment | None,
    known: Predictions | None,
) -> Iterator[tuple[Burst, ComplexArray, Candidate | None]]:
    """Give each burst with what was recorded there, and what belongs there by the method that is set."""
    if not listed:
        return
    if settings.method == "auto":
        for each in (known or Predictions(kspace)).of(points, listed):
            given = _given(points, each.burst)
            says_nothing = np.isnan(given).all()
            yield each.burst, each.recorded, each.candidate if says_nothing else agreed(each.candidate, given)
        return
    around = surround(kspace, [points[index] for index in listed])
    bursts = group_bursts(kspace, points, listed)
    predictor = Predictor(around, bursts, assignment)
    predict: Callable[[Burst], Candidate | None] = getattr(predictor, settings.method)  # the settings name it
    for burst in bursts:
        check_time()
        yield burst, burst.of(around.data), predict(burst)


def _given(points: Sequence[Point], burst: Burst) -> ComplexArray:
    """Collect the values that a calibration model gave to a burst, shape ``(receiver, sample)``; NaN where none."""
    given = np.full((burst.receivers.size, burst.length), np.nan, dtype=np.complex64)
    for index, step in burst.points:
        if points[index].values:
            rows = np.searchsorted(burst.receivers, points[index].receivers_repaired)
            given[rows, step] = [complex(*parts) for parts in points[index].values]
    return given


def _records(
    kspace: KSpace, data: ComplexArray, points: Sequence[Point], outcomes: Sequence[Outcome]
) -> tuple[RepairedPoint, ...]:
    """Describe what became of points, each by the strongest of its receivers; magnitude 0 where there is no number."""
    known = [number for number, point in enumerate(points) if point.receivers_repaired and is_inside(kspace, point)]
    before, after = (samples_at(each, [points[number] for number in known]) for each in (kspace.data, data))
    magnitudes = dict(zip(known, map(_magnitudes, before, after), strict=True))
    return tuple(
        RepairedPoint(
            point=point,
            method=outcome.method,
            magnitude_before=magnitudes.get(number, (0.0, 0.0))[0],
            magnitude_after=magnitudes.get(number, (0.0, 0.0))[1],
            refusal=outcome.refusal,
        )
        for number, (point, outcome) in enumerate(zip(points, outcomes, strict=True))
    )


def _magnitudes(before: ComplexArray, after: ComplexArray) -> tuple[float, float]:
    """Give the largest magnitude before, and what it is in that receiver after; 0 for what is no number."""
    magnitudes, repaired = np.abs(before), np.abs(after)
    # Reports are JSON, which has no NaN.
    magnitudes[~np.isfinite(magnitudes)] = 0
    strongest = int(np.argmax(magnitudes))
    return float(magnitudes[strongest]), float(repaired[strongest]) if math.isfinite(repaired[strongest]) else 0.0
