"""Deviations: how far samples are from what their surroundings predict, whatever made them suspicious."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gadgets.arrays import FloatArray
from gadgets.kspace import KSpace
from gadgets.records import Point
from gadgets.repair.decision import deviation_of, fault_of
from gadgets.repair.predictions import Predictions


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
