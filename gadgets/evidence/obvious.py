"""Obvious samples: those that are taken out of a plane before all others are looked at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gadgets.arrays import BoolArray, FloatArray
from gadgets.evidence.levels import QUIETEST, loudest_place, radii
from gadgets.local_statistics import local_median

OBVIOUS = 12.0
"""Times the local level from which on a sample away from the centre is taken out before anything else is asked.

As long as it is there, it brightens the image's background and spoils the predictions around it, and all would have to
be looked at again without it. Clean files reach 9 beyond a tenth of the radius, and 32 between the holes of a Poisson
disc, which are not judged.
"""
OBVIOUS_FURTHER: Mapping[int, float] = {3: 20.0, 5: 60.0}
"""The same for surroundings so many lines and samples away: clean files reach 17 and 40."""
NO_ECHO = 20.0
"""Times its further surroundings, from which on the loudest place is no echo: clean files reach 8."""
MOST_OBVIOUS = 256
"""Samples that are taken out at most; more are no sparks."""
CENTRE = 0.1
"""Radius inside which the object itself is as steep as a spark."""


def obvious_samples(magnitude: FloatArray, level: FloatArray, noise: float, judged: BoolArray) -> BoolArray:
    """Mark the samples that stand far out of their surroundings, away from the loudest of these."""
    obvious, quietest, centre = magnitude > OBVIOUS * level, level, loudest_place(level)
    # Bursts that come back every few lines fill the surroundings that a level looks at, however strong they are: others
    # look elsewhere. Where all are loud there is an echo.
    for distance, least in OBVIOUS_FURTHER.items():
        further = np.maximum(local_median(magnitude, distance), QUIETEST * noise)
        obvious |= magnitude > least * further
        quietest = np.minimum(quietest, further)
    obvious &= judged
    if obvious.any():
        if level[centre] > NO_ECHO * quietest[centre]:
            centre = loudest_place(quietest)
        obvious &= radii(level.shape, centre) > CENTRE
    return obvious if np.count_nonzero(obvious) <= MOST_OBVIOUS else np.zeros_like(obvious)
