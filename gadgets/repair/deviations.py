"""Deviations: how far samples are from what their surroundings predict, whatever made them suspicious."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gadgets.arrays import FloatArray
from gadgets.kspace import KSpace
from gadgets.records import Point
from gadgets.repair.bursts import group_bursts
from gadgets.repair.decision import deviation_of, fault_of
from gadgets.repair.predictions import Predictions
from gadgets.repair.quiet import QuietPlaces


def deviations(kspace: KSpace, points: Sequence[Point], known: Predictions | None = None) -> FloatArray:
    """Tell how far flagged samples are from what belongs there, whatever found them.

    Parameters
    ----------
    kspace
        As acquired.
    points
        Samples to be judged; their receivers and values do not matter, none is used for the prediction of another.
    known
        What has been predicted of this k-space; None: nothing.

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
    listed = [index for index, point in enumerate(whole) if not fault_of(kspace, point)]
    if not listed:
        return result
    for predicted in (known or Predictions(kspace)).of(whole, listed):
        deviation = deviation_of(predicted.candidate, predicted.recorded)
        for index, step in predicted.burst.points:
            result[index] = deviation[:, step]
    return result


def deviations_from_noise(kspace: KSpace, points: Sequence[Point], others: Sequence[Point]) -> FloatArray:
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
    whole = [point.model_copy(update={"receivers": everywhere}) for point in (*points, *others)]
    result = np.full(len(points), np.nan)
    bursts = group_bursts(kspace, whole, range(len(whole)))
    quiet = QuietPlaces(kspace, bursts)
    for burst in bursts:
        mine = [(index, step) for index, step in burst.points if index < len(points)]
        candidate = quiet.candidate(burst) if mine else None
        if candidate is not None:
            largest = deviation_of(candidate, burst.recorded_in(kspace)).max(axis=0)
            for index, step in mine:
                result[index] = largest[step]
    return result
