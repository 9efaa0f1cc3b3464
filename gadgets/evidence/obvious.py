"""Obvious samples: those that are taken out of a plane before all others are looked at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.evidence.levels import QUIETEST, loudest_place, radii
from gadgets.local_statistics import local_median, mirrored_indices

OBVIOUS = 12.0
"""Times the local level from which on a sample away from the centre is taken out before anything else is asked.

As long as it is there, it brightens the image's background and spoils the predictions around it, and all would have to
be looked at again without it. Clean files reach 9 beyond a tenth of the radius, and 32 between the holes of a Poisson
disc, which are not judged.
"""
OBVIOUS_FURTHER: Mapping[int, float] = {3: 20.0, 5: 60.0}
"""The same for surroundings so many lines and samples away: clean files reach 17 and 40."""
OBVIOUS_ALONE = 30.0
"""The same for a single receiver and its own level: of many, one is often by chance as far out as all together are."""
NO_ECHO = 20.0
"""Times its further surroundings, from which on the loudest place is no echo: clean files reach 8."""
MOST_OBVIOUS = 256
"""Samples that are taken out at most; more are no sparks."""
CENTRE = 0.1
"""Radius inside which the object itself is as steep as a spark."""


def obvious_samples(
    data: ComplexArray, magnitude: FloatArray, level: FloatArray, noise: float, judged: BoolArray
) -> BoolArray:
    """Mark the samples that stand far out of their surroundings, away from the loudest of these.

    Parameters
    ----------
    data
        Shape ``(coil, line, sample)``.
    magnitude, level, noise
        Over all receivers, as is the local level, shapes ``(line, sample)``; and of the noise.
    judged
        Samples that can be judged, same shape.
    """
    obvious, quietest, centre = magnitude > OBVIOUS * level, level, loudest_place(level)
    obvious |= _in_one_receiver(data, magnitude, level, noise)
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


def _in_one_receiver(data: ComplexArray, magnitude: FloatArray, level: FloatArray, noise: float) -> BoolArray:
    """Mark the samples that stand far out in a single receiver, which the mean square of many dilutes."""
    # By so much it is lifted at least, all receivers being alike. In clean files hardly a sample is asked further.
    lifted = np.sqrt(1 + (OBVIOUS_ALONE**2 - 1) / len(data))
    loud: BoolArray = magnitude > lifted * level
    lines, samples = np.nonzero(loud)
    if len(data) == 1 or not 0 < lines.size <= MOST_OBVIOUS:
        return np.zeros_like(loud)
    # The nine samples that a local level is the median of, shape ``(coil, 3, 3, place)``, the place itself in their
    # middle.
    nine_lines, nine_samples = (
        np.stack([mirrored_indices(n, step)[places] for step in (-2, 0, 2)])
        for n, places in zip(loud.shape, (lines, samples), strict=True)
    )
    around = np.abs(data[:, nine_lines[:, None], nine_samples])
    levels = np.maximum(np.median(around, axis=(1, 2)), QUIETEST * noise)
    loud[lines, samples] = (around[:, 1, 1] > OBVIOUS_ALONE * levels).any(axis=0)
    return loud
