"""Published and plain ways to repair sparks, for comparison: each takes a k-space and gives repaired samples.

All of them judge the receivers one by one, on readouts stacked by partition and line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.kspace import KSpace
from gadgets.local_statistics import MEDIAN_OF_NOISE
from pipelines.benchmark.readouts import (
    acquired_columns,
    radii,
    stack_readouts,
    unstack_readouts,
)
from pipelines.benchmark.rivals_in_time import earlier_median, space_time_median
from pipelines.benchmark.sparks import SparkEvent

Rival = Callable[[KSpace], ComplexArray]


@dataclass(frozen=True, eq=False)
class InformedRival:
    """A rival that is told where the sparks are: what it leaves is the fault of its repair alone."""

    repair: Callable[[KSpace, Sequence[SparkEvent]], ComplexArray]


@dataclass(frozen=True, eq=False)
class ScanRival:
    """A rival that remembers what a scan has shown: opened anew for each scan, and given its k-spaces in order."""

    open: Callable[[], Rival]


AnyRival = Rival | InformedRival | ScanRival
"""All that can be scored."""


# What each rival takes for a spark; its function says what the numbers mean.
GLOBAL_FRACTION = 0.1
GLOBAL_RADIUS = 0.1
MEDIAN_SIZE = 5
MEDIAN_RATIO = 6.5
RPCA_RADIUS = 0.08
RPCA_SIGMAS = 3.0
RPCA_PENALTY_GROWTH = 1.2


def global_threshold(kspace: KSpace) -> ComplexArray:
    """Zero whatever exceeds a tenth of the receiver's largest magnitude outside a tenth of the radius."""
    stack = stack_readouts(kspace)
    magnitude = np.abs(stack)
    # Each receiver by itself, because their gains differ; so do all rivals here.
    largest = magnitude.max(axis=(1, 2), keepdims=True)
    outside = stacked_radii(kspace) > GLOBAL_RADIUS
    # The centre is left alone, where the signal itself is as loud as any spark.
    stack[outside & (magnitude > GLOBAL_FRACTION * largest)] = 0
    return unstack_readouts(stack, kspace)


def local_median(kspace: KSpace) -> ComplexArray:
    """Zero whatever exceeds 6.5 times the median of its 5x5 neighbourhood.

    Half the receiver's median is the least that counts as surroundings.
    """
    stack = stack_readouts(kspace)
    magnitude = np.abs(stack)
    surroundings = ndimage.median_filter(magnitude, size=(1, MEDIAN_SIZE, MEDIAN_SIZE))
    # Where next to nothing was received, the median of a neighbourhood would make every sample stand out.
    floor = np.median(magnitude, axis=(1, 2), keepdims=True) / 2
    stack[magnitude > MEDIAN_RATIO * np.maximum(surroundings, floor)] = 0
    return unstack_readouts(stack, kspace)


def robust_pca(kspace: KSpace) -> ComplexArray:
    """Split each receiver into low rank and sparse; put the low-rank value where the sparse part is large.

    Outside a radius of 0.08, where the sparse part exceeds three times the noise, which is taken from the
    median magnitude of the receiver's samples (Rayleigh: sigma sqrt(ln 2)).

    References
    ----------
    Campbell-Washburn AE et al., Magn Reson Med 2016;75:2517-2525, doi:10.1002/mrm.25851.
    """
    stack = stack_readouts(kspace)
    outside = stacked_radii(kspace) > RPCA_RADIUS
    for receiver in stack:
        sigma = np.median(np.abs(receiver)) / MEDIAN_OF_NOISE
        low_rank, sparse = split_low_rank(receiver)
        spikes = outside & (np.abs(sparse) > RPCA_SIGMAS * sigma)
        # A view of the stack, which changes with it.
        receiver[spikes] = low_rank[spikes]
    return unstack_readouts(stack, kspace)


def split_low_rank(
    matrix: ComplexArray, *, tolerance: float = 1e-5, max_iterations: int = 200
) -> tuple[ComplexArray, ComplexArray]:
    """Robust principal component analysis by the inexact augmented Lagrangian method.

    Minimises ``||L||_* + lambda ||S||_1`` subject to ``L + S = matrix`` with ``lambda = 1/sqrt(max side)``.

    Parameters
    ----------
    matrix
        Shape ``(line, sample)``.
    tolerance
        Ends when the norm of ``matrix - L - S`` falls below this part of the matrix's own.
    max_iterations
        Ends after this many steps.

    Returns
    -------
        The low-rank part L and the sparse part S, both of the matrix's shape.

    References
    ----------
    Lin Z, Chen M, Ma Y, 2010, arXiv:1009.5055, algorithm 5.
    """
    norm = float(np.linalg.norm(matrix))
    low_rank, sparse = np.zeros_like(matrix), np.zeros_like(matrix)
    if norm == 0:
        return low_rank, sparse
    # The weight for which recovery is proven (Candes 2011, doi 10.1145/1970392.1970395).
    weight = 1 / np.sqrt(max(matrix.shape))
    spectral = float(np.linalg.norm(matrix, 2))
    # The start that the authors give: it fulfils the constraint of the dual problem.
    multiplier = matrix / max(spectral, float(np.abs(matrix).max()) / weight)
    penalty = 1.25 / spectral
    for _ in range(max_iterations):
        sparse = _shrink(matrix - low_rank + multiplier / penalty, weight / penalty)
        low_rank = _shrink_singular_values(matrix - sparse + multiplier / penalty, 1 / penalty)
        residual = matrix - low_rank - sparse
        multiplier = multiplier + penalty * residual
        # Growing penalties end the method after few steps, each of which costs a whole singular value decomposition.
        penalty *= RPCA_PENALTY_GROWTH
        if np.linalg.norm(residual) < tolerance * norm:
            break
    return low_rank, sparse


def _shrink(values: ComplexArray, threshold: float) -> ComplexArray:
    magnitude = np.abs(values)
    # The magnitude shrinks and the phase stays: the complex form of soft thresholding.
    factor = np.maximum(magnitude - threshold, 0) / np.maximum(magnitude, np.finfo(magnitude.dtype).tiny)
    return np.asarray(values * factor)


def _shrink_singular_values(matrix: ComplexArray, threshold: float) -> ComplexArray:
    left, singular, right = np.linalg.svd(matrix, full_matrices=False)
    rank = int(np.count_nonzero(singular > threshold))
    return np.asarray((left[:, :rank] * (singular[:rank] - threshold)) @ right[:rank])


def stacked_radii(kspace: KSpace) -> FloatArray:
    """Radius of every sample of the stack, shape ``(line, sample)``."""
    grid: NDArray[np.floating] = radii(kspace)
    return grid[kspace.acquired_lines][:, acquired_columns(kspace)]


RIVALS: Mapping[str, Rival | ScanRival] = {
    "global_threshold": global_threshold,
    "local_median": local_median,
    "robust_pca": robust_pca,
    "earlier_median": ScanRival(earlier_median),
    "space_time_median": ScanRival(space_time_median),
}
