"""A plane as it is looked at: in units that suit single precision, and without its obvious samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from gadgets.arrays import LARGEST_PEAK, SMALLEST_PEAK, BoolArray, ComplexArray, FloatArray
from gadgets.evidence.levels import level_of, peak_of, root_mean_square
from gadgets.evidence.obvious import obvious_samples


@dataclass(frozen=True, eq=False)
class Seen:
    """A plane as it is looked at: without its obvious samples.

    Attributes
    ----------
    data
        In units in which sums over its squares stay in single precision.
    scale
        What the plane was multiplied by for that.
    magnitude, others
        Over the receivers, with and without the obvious samples, shapes ``(line, sample)``.
    level, noise
        Local level and noise of the others.
    judged, obvious
        See :class:`Evidence`.
    """

    data: ComplexArray
    scale: float
    magnitude: FloatArray
    others: FloatArray
    level: FloatArray
    noise: float
    judged: BoolArray
    obvious: BoolArray

    @property
    def taken_out(self) -> ComplexArray:
        """What the obvious samples recorded, shape ``(coil, sample)``."""
        recorded: ComplexArray = self.data[:, self.obvious]
        return recorded

    def others_alone(self, *, overwrite: bool = False) -> ComplexArray:
        """Give the data with zero for obvious samples: a copy where there are any, unless they may be overwritten."""
        # Made by whoever needs it: kept, it would be one more array of the plane's size beside all that follows.
        if not self.obvious.any():
            return self.data
        others = self.data if overwrite else self.data.copy()
        others[:, self.obvious] = 0
        return others


def look_at(plane: ComplexArray, valid: BoolArray | None, *, without_obvious: bool) -> Seen:
    """Take the obvious samples out of a plane; parameters are those of :func:`gather_evidence`."""
    data, scale = _in_range(plane, peak_of(plane))
    magnitude = root_mean_square(data)
    level, noise = level_of(magnitude)
    judged = _among_others(magnitude > 0 if valid is None else valid & (magnitude > 0))
    obvious = np.zeros(level.shape, bool)
    if without_obvious:
        obvious = obvious_samples(data, magnitude, level, noise, judged)
    others = magnitude
    if obvious.any():
        others = np.where(obvious, 0, magnitude)
        # Once more without them: where many lie side by side they lift the local level, under which weaker sparks hide.
        level, noise = level_of(others)
    return Seen(data, scale, magnitude, others, level, noise, judged, obvious)


def _in_range(plane: ComplexArray, peak: float) -> tuple[ComplexArray, float]:
    """Give a plane in units in which sums over its squares stay in single precision, and their scale.

    Ordinary data are in range as they are, and need no copy.
    """
    scale = 1.0 if SMALLEST_PEAK < peak < LARGEST_PEAK else 1.0 / peak
    in_range = plane if scale == 1.0 else plane * np.float32(scale)
    return np.ascontiguousarray(in_range, np.complex64), scale


def _among_others(there: BoolArray) -> BoolArray:
    """Leave out samples that stand between holes (Poisson-disc sampling, zero padding): nothing to compare with."""
    if there.all():
        return there
    share = uniform_filter(there.astype(np.float32), size=5, mode="reflect")  # borders are no holes
    return there & (share > 0.5)
