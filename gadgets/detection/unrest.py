"""Unrest: readouts that fit nowhere as a whole, because the patient moved or something else disturbed them.

Many of their samples are far from what is predicted, and the furthest would pass for sparks. A spark lasts a few
samples, and the rest of its readout fits.
"""

from __future__ import annotations

import numpy as np

from gadgets.arrays import FloatArray, IntArray
from gadgets.evidence import CHANNELS, Evidence
from gadgets.local_statistics import BESIDE

RESIDUAL = CHANNELS.index("residual")

FURTHEST = 16
"""Samples on either side that are asked; those of its own burst are not."""

USUAL = 1.25
"""Times that residuals may be larger than in the readouts around and mean nothing. Of the places of sparks 55 of 430
are above this inside a tenth of the radius, where sparks crowd, and 46 of 1023 elsewhere; most displaced readouts are,
and reach 4."""


def unrest_at(evidence: Evidence, places: IntArray) -> FloatArray:
    """Tell how far the rest of a readout stands out of the readouts around it, for many samples.

    Parameters
    ----------
    evidence
        Of their plane.
    places
        Line and sample of each, shape ``(n, 2)``.

    Returns
    -------
    FloatArray
        Times that the deviation of a sample has to be larger than usual, shape ``(n,)``; 1 where the rest is at rest.
    """
    residual = evidence.maps[RESIDUAL]
    steps = np.arange(BESIDE + 1, FURTHEST + 1)
    around = np.abs(places[:, 1, None] + np.concatenate([-steps[::-1], steps]))
    # As in a mirror beyond the borders, but never beyond the other one, in readouts of a few samples.
    last = residual.shape[1] - 1
    around = np.clip(np.where(around > last, 2 * last - around, around), 0, last)
    # The median: other sparks in the same readout must not excuse each other. Maps hold logarithms.
    rest = np.exp(np.median(residual[places[:, 0, None], around], axis=1)) / USUAL
    # Squared: such deviations scatter far more than those of noise do.
    return np.asarray(np.maximum(rest, 1.0) ** 2)
