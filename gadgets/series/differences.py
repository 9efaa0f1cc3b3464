"""How one k-space differs from what earlier ones predict, and how large such differences usually are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.local_statistics import MEDIAN_OF_NOISE, local_median, quantile, sorted_places

LOUDEST = 48
"""Samples of the first group of those that are about as loud."""

CHANGED = 2.0
"""Times the error to be expected from which on the loud samples as a whole have changed. In repetitions they reach 1.4,
with sparks 1.7; in diffusion weighting 3.4; with contrast agent, motion or a new shim 1.8 to 20."""

LOWER = 0.3
LOWER_OVER_MEDIAN = float(np.sqrt(np.log(1 / (1 - LOWER)) / np.log(2)))
"""Quantile of such a group that tells what is usual in it, and what part of the median it is in noise: eight sparks may
be more than half of the loudest samples of a small matrix."""


@dataclass(frozen=True, eq=False)
class Differences:
    """One partition's middle beside what earlier k-spaces predict; samples as in :class:`Central`.

    Attributes
    ----------
    predicted
        From all earlier k-spaces together, shape ``(coil, ky, kx)``.
    difference
        Recorded minus predicted; zero where one of them is not valid.
    valid
        Samples that can be compared, shape ``(ky, kx)``.
    alone
        Samples that a single earlier k-space tells of, shape ``(ky, kx)``: then nobody knows which of the two is wrong.
    expected
        How large differences are to be expected, as complex standard deviations, shape ``(coil, ky, kx)``.
    doubt
        How far the earlier k-spaces, each alone, are from what all together predict, shape ``(coil, ky, kx)``: a spark
        in one of them must not become the norm.
    new
        Which share of the difference there is from any of the earlier k-spaces, also as they were before they were
        repaired, shape ``(ky, kx)``: what was taken for a spark once and comes again is none.
    """

    predicted: ComplexArray
    difference: ComplexArray
    valid: BoolArray
    alone: BoolArray
    expected: FloatArray
    doubt: FloatArray
    new: FloatArray

    @cached_property
    def groups(self) -> list[IntArray]:
        """Samples that are about as loud as each other: the loudest few, and each next group three times as many."""
        order = sorted_places(self.expected.max(axis=0).ravel(), descending=True)
        groups: list[IntArray] = []
        start, size = 0, LOUDEST
        while start < order.size:
            groups.append(order[start : start + size])
            start, size = start + size, 3 * size
        return groups


def usual_error(differences: FloatArray, compared: Differences) -> FloatArray:
    """Measure how large differences usually are around each sample, as a complex standard deviation.

    Medians of the samples around it, each over its expected size. Sparks do not raise them, and neither does it that
    a short way from the centre the noise is as large as the signal.

    Parameters
    ----------
    differences
        Magnitudes, shape ``(coil, ky, kx)``.
    compared
        How large they are to be expected, and which samples are about as loud.
    """
    expected = compared.expected
    ratio = differences / expected / np.float32(MEDIAN_OF_NOISE)
    n_coils, _, n_samples = ratio.shape
    # All receivers at once, one below the other: at the border of the middle, where they meet, nothing is compared.
    result = _medians(ratio.reshape(-1, n_samples))
    # A readout that differs as a whole was acquired while something moved.
    np.maximum(result, quantile(ratio.reshape(-1, n_samples), 0.5)[:, None], out=result)
    result, ratio = result.reshape(n_coils, -1), ratio.reshape(n_coils, -1)
    for group in compared.groups:
        # Where the object changes, the few loudest samples differ, which fill the surroundings of none of them.
        result[:, group] = np.maximum(result[:, group], _lower(ratio[:, group])[:, None])
    # Never below what is to be expected: so most clean k-spaces are done with before any of this is measured.
    return np.asarray(np.maximum(result, 1).reshape(differences.shape) * expected)


def changes(compared: Differences) -> tuple[float, ...]:
    """Tell how many times more than expected the loudest few samples as a whole have changed, and the next ones."""
    # One row for each receiver; only of the loud ones, as every k-space is asked.
    n_coils = len(compared.difference)
    difference, expected = compared.difference.reshape(n_coils, -1), compared.expected.reshape(n_coils, -1)
    usual = []
    # Two groups: sparks in a crowd may be most of the loudest samples, and leave those next to them alone.
    for group in compared.groups[:2]:
        ratio: FloatArray = np.abs(difference[:, group]) / expected[:, group] / np.float32(MEDIAN_OF_NOISE)
        usual.append(float(quantile(_lower(ratio), 0.5)))
    return tuple(usual)


def _lower(ratio: FloatArray) -> FloatArray:
    """Give what is usual in a group by its lower samples, for each receiver; ratios of shape ``(coil, sample)``."""
    return np.asarray(quantile(ratio, LOWER) / np.float32(LOWER_OVER_MEDIAN))


def _medians(values: FloatArray) -> FloatArray:
    """Median of the surroundings, near and farther: a crowd of bursts fills one of them, and rarely both."""
    return np.asarray(np.sqrt((local_median(values, 2) ** 2 + local_median(values, 4) ** 2) / 2))
