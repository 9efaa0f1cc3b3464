"""A k-space as the scoring sees it: its readouts one below the other, sorted by partition and line."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.errors import RawDataError
from gadgets.kspace import KSpace, describe
from gadgets.local_statistics import MEDIAN_OF_NOISE

# Few, so that they mostly lie beyond the signal; every readout adds some to the median.
N_EDGE_SAMPLES = 6

StackT = TypeVar("StackT", bound=NDArray[Any])


def stack_readouts(kspace: KSpace) -> ComplexArray:
    """Put the acquired readouts one below the other.

    Returns
    -------
        Copy of the samples, shape ``(coil, line, sample)``: acquired readouts only, and only those columns
        that some readout reaches (an asymmetric echo leaves the first columns of the grid empty).
    """
    return kspace.data[:, kspace.acquired_lines][:, :, acquired_columns(kspace)]


def unstack_readouts(stack: StackT, kspace: KSpace) -> StackT:
    """Put stacked values back into their places: the inverse of :func:`stack_readouts`.

    Parameters
    ----------
    stack
        Any values of the readouts, shape ``(coil, line, sample)``.
    kspace
        The k-space whose readouts they are.

    Returns
    -------
        Values on the grid, shape ``(coil, kz, ky, kx)``; zero where no readout is.
    """
    lines = np.zeros((*stack.shape[:2], kspace.sampled.shape[-1]), dtype=stack.dtype)
    lines[:, :, acquired_columns(kspace)] = stack
    grid = np.zeros((stack.shape[0], *kspace.sampled.shape), dtype=stack.dtype)
    grid[:, kspace.acquired_lines] = lines
    return cast(StackT, grid)


def acquired_columns(kspace: KSpace) -> BoolArray:
    """Which columns of the grid some readout reaches, shape ``(kx,)``."""
    return np.asarray(np.any(kspace.sampled, axis=(0, 1)))


def edge_samples(kspace: KSpace) -> BoolArray:
    """Which samples are among the first and last six of their readout, shape ``(kz, ky, kx)``."""
    # Counted along what was sampled, because readouts of partial echoes begin in the middle of the grid.
    ordinal: IntArray = np.cumsum(kspace.sampled, axis=-1)
    from_end: IntArray = ordinal[..., -1:] - ordinal
    near_edge = (ordinal <= N_EDGE_SAMPLES) | (from_end < N_EDGE_SAMPLES)
    # The running count stands still where nothing was sampled, and would mark these places too.
    return near_edge & kspace.sampled


def noise_medians(kspace: KSpace) -> FloatArray:
    """Median magnitude of each receiver where its readouts hold noise only, shape ``(coil,)``."""
    return np.asarray(np.median(np.abs(kspace.data[:, edge_samples(kspace)]), axis=-1), dtype=np.float64)


def noise_sigma(kspace: KSpace) -> float:
    """Complex standard deviation of the noise: the median over receivers. NaN where no receiver acquired anything."""
    if not (kspace.n_coils and kspace.sampled.any()):
        return float("nan")
    return float(np.median(noise_medians(kspace)) / MEDIAN_OF_NOISE)


def ripple_unit(kspace: KSpace) -> float:
    """Amplitude of a sample whose ripple in the image is as strong as the noise (rnr 1): sigma sqrt(N).

    N counts the acquired samples per receiver.

    Raises
    ------
    RawDataError
        The k-space has no noise to compare with.
    """
    sigma = noise_sigma(kspace)
    if not (np.isfinite(sigma) and sigma > 0):
        raise RawDataError(
            f"expected noise at both ends of the readouts, which the strength of sparks is relative to; found a "
            f"median magnitude of {sigma:g} ({describe(kspace.indices)}): data without noise, or with zeros in place "
            "of samples that were not acquired"
        )
    # An orthonormal transform spreads one sample over N pixels: A / sqrt(N) is to be as large as sigma.
    return sigma * float(np.sqrt(np.count_nonzero(kspace.sampled)))


def radii(kspace: KSpace) -> FloatArray:
    """Distance of every sample from the strongest line and column, shape ``(kz, ky, kx)``.

    Lines are counted in the stack of acquired readouts, over all partitions; 1 is the border that lies
    farther away along an axis. Infinite where nothing was sampled.
    """
    magnitude = np.abs(stack_readouts(kspace)).sum(axis=0)
    # The peak is looked for, as the centre that headers name may be wrong.
    # Whole lines and columns: the loudest single sample may be a spark of the recording's own.
    line = _relative_distance(magnitude.sum(axis=1))
    sample = _relative_distance(magnitude.sum(axis=0))
    radius = unstack_readouts(np.hypot(line[:, np.newaxis], sample)[np.newaxis], kspace)[0]
    return np.asarray(np.where(kspace.sampled, radius, np.inf))


def _relative_distance(profile: FloatArray) -> FloatArray:
    distance = np.abs(np.arange(profile.size) - np.argmax(profile)).astype(np.float64)
    return np.asarray(distance / max(float(distance.max()), 1.0))
