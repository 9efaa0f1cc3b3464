"""Levels of a plane: how loud it is around each sample, where it is loudest, and how far from there a sample lies."""

from __future__ import annotations

import numpy as np

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.local_statistics import local_median, noise_level, total_power

QUIETEST = 0.7
"""Share of the noise that a level has at least. Less is chance: in the noise of one receiver a quarter of the local
medians lies below it, in that of four receivers one in 250."""


def level_of(magnitude: FloatArray) -> tuple[FloatArray, float]:
    """Give the local level of magnitudes over all receivers, shape ``(line, sample)``, and the noise level."""
    noise = noise_level(magnitude)
    return np.maximum(local_median(magnitude, 2), QUIETEST * noise), noise


def loudest_place(level: FloatArray) -> tuple[int, int]:
    """Find the place with the loudest surroundings: line and sample."""
    line, sample = np.unravel_index(int(np.argmax(level)), level.shape)
    return int(line), int(sample)


def peak_of(data: ComplexArray) -> float:
    """Give the largest part, real or imaginary, of any sample, and never zero: units for what follows."""
    parts = np.ascontiguousarray(data).view(data.real.dtype)
    return max(float(parts.max()), -float(parts.min()), 1e-30)


def root_mean_square(values: ComplexArray) -> FloatArray:
    """Over the receivers, shape ``(line, sample)``."""
    return np.asarray(np.sqrt(total_power(values) / len(values)))


def radii(shape: tuple[int, ...], centre: tuple[int, int]) -> FloatArray:
    """Distance of each sample from a centre, 1 at the further border of each axis, shape ``(line, sample)``."""
    reach = [max(c, n - 1 - c, 1) for c, n in zip(centre, shape, strict=True)]
    line = (np.arange(shape[0]) - centre[0]) / reach[0]
    sample = (np.arange(shape[1]) - centre[1]) / reach[1]
    return np.sqrt((line**2)[:, None] + (sample**2)[None, :])
