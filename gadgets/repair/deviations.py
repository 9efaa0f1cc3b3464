"""Deviations: how far samples are from what their surroundings predict, whatever made them suspicious."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.kspace import KSpace
from gadgets.records import Point
from gadgets.repair.bursts import Flagged, group_bursts
from gadgets.repair.predicted_once import Predictions
from gadgets.repair.quiet import in_quiet_places
from gadgets.repair.refusal import Departures, can_be_judged, deviation_of


@dataclass(frozen=True, eq=False)
class Compared:
    """Samples beside what belongs there, shapes ``(point, coil)``; NaN for a point that cannot be judged.

    Attributes
    ----------
    deviation
        Distance between what was recorded and what is predicted, in units of the prediction's root mean square error
        on clean samples nearby. About 1 for a clean sample.
    mended
        What was recorded, changed as far as it deviates.
    distance
        Distance between what was recorded and what is predicted.
    error
        What is expected of the distance between `mended` and what belongs there.
    unlike_before
        As `deviation`, from what earlier k-spaces of the place say; NaN where they say nothing.
    """

    deviation: FloatArray
    mended: ComplexArray
    distance: FloatArray
    error: FloatArray
    unlike_before: FloatArray


def compare(kspace: KSpace, points: Sequence[Point | Flagged], known: Predictions | None = None) -> Compared:
    """Compare flagged samples with what belongs there, whatever found them.

    Parameters
    ----------
    kspace
        As acquired.
    points
        Samples to be judged; their receivers and values do not matter, none is used for the prediction of another.
    known
        What has been predicted of this k-space; None: nothing.
    """
    everywhere = tuple(range(kspace.n_coils))
    # Which receivers were hit is what is asked: until then none of them may serve to predict the others.
    whole = [Flagged(point.partition, point.line, point.sample, everywhere) for point in points]
    # NaN stands where nothing can be judged; zero would say that the sample fits.
    deviation = np.full((len(points), kspace.n_coils), np.nan)
    mended = np.full(deviation.shape, np.nan, np.complex64)
    excess, error, unlike = (np.full_like(deviation, np.nan) for _ in range(3))
    # Points at fault keep their row: callers look up by number what they have asked for.
    listed = np.flatnonzero(can_be_judged(kspace, [place[:3] for place in whole]))
    predicted = list((known or Predictions(kspace)).of(whole, listed.tolist())) if listed.size else []
    if predicted:
        away = Departures([each.candidate for each in predicted], [each.recorded for each in predicted])
        members = [(index, number, step) for number, each in enumerate(predicted) for index, step in each.burst.points]
        rows, numbers, steps = np.array(members).T
        # From a place in the rows to point and receiver, ``(point, coil)``.
        there = away.at(numbers[:, None], np.arange(kspace.n_coils), steps[:, None])
        deviation[rows], mended[rows] = away.deviation[there], away.mended[there]
        excess[rows], error[rows] = away.distance[there], away.error_left[there]
    for each in predicted:
        # Not the better of both: whatever else confirms a suspect of the series, the series itself has to do so, too.
        if each.series is not None:
            distance = np.abs(each.recorded - each.series.values)
            for index, step in each.burst.points:
                unlike[index] = deviation_of(distance, each.series.error)[:, step]
    return Compared(deviation, mended, excess, error, unlike)


def deviations(kspace: KSpace, points: Sequence[Point | Flagged], known: Predictions | None = None) -> FloatArray:
    """Tell how far flagged samples are from what belongs there: see :func:`compare`."""
    return compare(kspace, points, known).deviation


def deviations_from_noise(
    kspace: KSpace, points: Sequence[Point | Flagged], others: Sequence[Point | Flagged]
) -> FloatArray:
    """Tell how far samples stand out of the noise around them, where there is nothing but noise.

    Parameters
    ----------
    kspace
        As acquired.
    points
        Samples to be judged; their receivers do not matter.
    others
        What else is wrong: it tells nothing of the noise.

    Returns
    -------
    FloatArray
        Shape ``(point,)``: the largest over the receivers; NaN where there is signal, too.
    """
    everywhere = tuple(range(kspace.n_coils))
    whole = [Flagged(point.partition, point.line, point.sample, everywhere) for point in (*points, *others)]
    result = np.full(len(points), np.nan)
    bursts = group_bursts(kspace, whole, range(len(whole)))
    asked = {burst: [each for each in burst.points if each[0] < len(points)] for burst in bursts}
    wanted, rest = ([burst for burst in bursts if bool(asked[burst]) is is_wanted] for is_wanted in (True, False))
    for burst, candidate in in_quiet_places(kspace, wanted, rest).items():
        distance = np.abs(burst.recorded_in(kspace) - candidate.values)
        largest = deviation_of(distance, candidate.error).max(axis=0)
        for index, step in asked[burst]:
            result[index] = largest[step]
    return result
