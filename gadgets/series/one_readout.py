"""One readout by itself: whether all of it differs, because something moved while it was acquired."""

from __future__ import annotations

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.series.prediction import robust_fit

REACH = (1, 2)
"""Lines and samples on either side that the difference of a sample is told from."""

FEWEST = 100
"""Samples of all receivers that are needed to fit 15 weights to, up to a half of them wrong."""


def unexplained(
    predicted: ComplexArray, difference: ComplexArray, expected: FloatArray, valid: BoolArray
) -> ComplexArray | None:
    """Give what is left of the differences of a readout once it may have weights of its own.

    Motion makes of a readout another combination of the same samples, sparks do not.

    Parameters
    ----------
    predicted
        The readout and `REACH` lines on either side, shape ``(coil, line, kx)``.
    difference
        Recorded minus predicted, shape ``(coil, kx)``.
    expected
        How large differences are to be expected, as complex standard deviations, same shape.
    valid
        Samples that can be compared, none of them within `REACH` of an end, shape ``(kx,)``.

    Returns
    -------
    ComplexArray or None
        Shape ``(coil, kx)``; None where the samples are too few to tell.
    """
    samples = np.flatnonzero(valid)
    if len(difference) * samples.size < FEWEST:
        return None
    steps = np.arange(-REACH[1], REACH[1] + 1)
    # Axes: coil, line, sample, step; then one row for each receiver and sample.
    neighbours = np.moveaxis(predicted[:, :, samples[:, None] + steps], 1, 2)
    rows = neighbours.reshape(len(difference) * samples.size, -1)
    weights, _ = robust_fit(rows, difference[:, samples].ravel(), 1 / expected[:, samples].ravel(), 1)
    left = difference.copy()
    left[:, samples] -= (rows @ weights[0]).reshape(len(difference), -1).astype(left.dtype)
    return left
