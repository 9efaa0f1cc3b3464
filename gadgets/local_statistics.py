"""What is usual around a sample and in a plane: medians, quantiles and energies.

NumPy's own median and quantile give the same in several times the time, and every k-space of a scan waits for them.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray, FloatArray

MEDIAN_OF_NOISE = np.sqrt(np.log(2))
"""Median magnitude of complex Gaussian noise, in its standard deviation: it is Rayleigh distributed."""

IN_CACHE = 1 << 14
"""Samples of which a dozen arrays stay in the cache."""

BESIDE = 5
"""Samples on either side of one that was hit, in the same readout, that may be of its burst: bursts have up to six."""


@functools.lru_cache(maxsize=256)
def mirrored_indices(n: int, offset: int) -> NDArray[np.intp]:
    """Index of the neighbour `offset` away of each of `n` samples; where there is none, the one on the other side."""
    index = np.arange(n)
    there = index + offset
    outside = (there < 0) | (there >= n)
    # Arrays narrower than the distance have no neighbour on either side; there the border stands in.
    indices = np.clip(np.where(outside, index - offset, there), 0, n - 1)
    indices.setflags(write=False)  # all planes of a size share them
    return indices


def _widened(values: FloatArray, distance: int) -> FloatArray:
    """Add `distance` lines and samples on every side, so that slices of the result are all samples' neighbours."""
    for axis, n in enumerate(values.shape):
        index = np.zeros(n + 2 * distance, dtype=np.intp)
        index[:n] = mirrored_indices(n, -distance)
        index[2 * distance :] = mirrored_indices(n, distance)
        index[distance : distance + n] = np.arange(n)
        values = np.take(values, index, axis)
    return values


def _three_lines(values: FloatArray, distance: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give a widened array at the lines ``(-distance, 0, distance)`` away; views."""
    n = len(values) - 2 * distance
    return values[:n], values[distance : distance + n], values[2 * distance :]


def _three_samples(values: FloatArray, distance: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give a widened array at the samples ``(-distance, 0, distance)`` away; views."""
    n = values.shape[1] - 2 * distance
    return values[:, :n], values[:, distance : distance + n], values[:, 2 * distance :]


def _least(first: FloatArray, second: FloatArray, third: FloatArray) -> FloatArray:
    return np.minimum(np.minimum(first, second), third)


def _largest(first: FloatArray, second: FloatArray, third: FloatArray) -> FloatArray:
    return np.maximum(np.maximum(first, second), third)


def _median_of_three(first: FloatArray, second: FloatArray, third: FloatArray) -> FloatArray:
    least, most = np.minimum(first, second), np.maximum(first, second)
    return np.maximum(least, np.minimum(most, third))


def local_median(values: FloatArray, distance: int) -> FloatArray:
    """Median of a sample and its eight neighbours `distance` away, shape ``(line, sample)`` kept.

    Nine samples on a wide grid instead of all samples of a window: a burst of up to six samples covers at most
    three or four of them. The columns of three are sorted once for the three samples that share each; the median of
    nine is that of the largest least, the middle middle and the least largest of its three columns.
    """
    widened, median = _widened(values, distance), np.empty_like(values)
    # In blocks of lines: what the dozen steps below make is read again while it is still in the cache.
    step = max(IN_CACHE // max(values.shape[1], 1), 1)
    for start in range(0, len(values), step):
        stop = start + step
        median[start:stop] = _median_of_nine(widened[start : stop + 2 * distance], distance)
    return median


def _median_of_nine(widened: FloatArray, distance: int) -> FloatArray:
    """Median of all samples of a widened array but for those that it was widened by."""
    first, second, third = _three_lines(widened, distance)
    middle = _median_of_three(first, second, third)
    least, most = _least(first, second, third), _largest(first, second, third)
    largest_least = _largest(*_three_samples(least, distance))
    least_largest = _least(*_three_samples(most, distance))
    return _median_of_three(largest_least, _median_of_three(*_three_samples(middle, distance)), least_largest)


def local_maximum(values: FloatArray) -> FloatArray:
    """Largest of a sample and its eight neighbours, shape ``(line, sample)`` kept."""
    return _largest(*_three_samples(_largest(*_three_lines(_widened(values, 1), 1)), 1))


def quantile(values: FloatArray, share: float) -> FloatArray:
    """Quantile along the last axis, interpolated as NumPy does; 0.5 is the median."""
    n = values.shape[-1]
    lower = int(share * (n - 1))
    # Around a single place NumPy partitions with vector instructions, around two it does not.
    parted = np.partition(values, lower, axis=-1)
    low = parted[..., lower]
    high = parted[..., lower + 1 :].min(axis=-1) if lower + 1 < n else low
    return np.asarray(low + (share * (n - 1) - lower) * (high - low))


def step_through(n_samples: int, enough: int) -> int:
    """Give the step that visits about so many of some samples, which tell what is usual in all of them.

    It is odd. Where readouts are a power of two long, an even one would visit the same few columns in each of them.
    """
    return (n_samples // enough) | 1


def sorted_places(levels: FloatArray, *, descending: bool = False) -> NDArray[np.intp]:
    """Order of positive levels, equal ones as they come: what a stable argsort gives, five times as fast."""
    # The bits of positive floats, read as integers, are in the same order as the floats.
    bits = levels.astype(np.float32).view(np.uint32)
    keys = (~bits if descending else bits).astype(np.uint64)
    # The place in the lower half keeps equal levels in their order, and makes every key unique: any sort will do.
    keys <<= np.uint64(32)
    keys |= np.arange(levels.size, dtype=np.uint64)
    keys.sort()
    keys &= np.uint64(0xFFFFFFFF)
    return keys.astype(np.intp, copy=False)


def power(values: ComplexArray) -> FloatArray:
    """Square of the magnitude of each sample, shape kept."""
    squares = np.asarray(values.real**2)
    squares += values.imag**2
    return squares


def total_power(values: ComplexArray) -> FloatArray:
    """Sum of the squared magnitudes over the receivers, without the first axis of `values`."""
    parts = np.ascontiguousarray(values).view(values.real.dtype)
    # Real and imaginary parts lie side by side: one pass over memory, and no array of the receivers' powers.
    squares = np.einsum("c...,c...->...", parts, parts)
    return np.asarray(squares[..., ::2] + squares[..., 1::2])


ENDS = 6
"""Samples at either end of the readouts that tell what the noise is."""

LOUD_SIDE = 3.0
"""Times that both ends together are louder than one of them, where the other is no noise: echoes may begin in the
centre of k-space."""


def noise_level(magnitude: FloatArray) -> float:
    """Noise of a plane: the median magnitude of its outermost samples, as a complex standard deviation.

    Over all receivers together; that of each by itself is told by :func:`gadgets.background.noise_of`. Readouts that
    begin or end in the centre of k-space, as spirals do, have their noise at the other end. Never zero for a plane that
    holds anything: filtered or padded borders fall back to the quietest tenth of the rest.
    """
    first, last = magnitude[:, :ENDS], magnitude[:, -ENDS:]
    # Zeros are not noise: they are what was filled up or never acquired.
    there = magnitude[magnitude > 0]
    if there.size == 0:
        return 1.0
    outermost = float(quantile(np.concatenate([first, last], axis=1).ravel(), 0.5))
    # Signal at one end would make the noise look larger than it is, and hide sparks.
    quieter = min(float(quantile(side.ravel(), 0.5)) for side in (first, last))
    if 0 < LOUD_SIDE * quieter < outermost:
        outermost = quieter
    return max(outermost / float(MEDIAN_OF_NOISE), float(quantile(there, 0.1)))
