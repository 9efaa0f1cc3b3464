"""Interpolation kernels: a burst as a linear combination of the clean samples around it, over all receivers.

Kernels are fitted by regularised least squares to the same pattern of samples at clean places nearby, because
what predicts near the centre differs from what predicts outside (GRAPPA, Griswold 2002, doi 10.1002/mrm.10171).
The pattern takes what is there: the nearest acquired line on either side, the neighbouring partitions, the ends
of the readout that was hit, and receivers that were not hit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.local_statistics import power
from gadgets.repair.bursts import MAX_LENGTH, Burst, Surroundings

# Partitions, lines, samples: the region around a burst that its kernel is fitted in. In 13 recorded files, bursts of
# two samples withheld inside 0.3 of the radius, the error is 1.37 times the noise; with 4 lines and samples it is 1.54,
# with 10 it is 1.40.
REACH = np.array([1, 7, 7])
NEARBY = (3, 4)  # lines, samples: the part of it on which its error is measured
FURTHEST_LINE = 4  # lines that the nearest acquired one may be away: undersampling leaves gaps
# Receivers as sources at most: there are few places to fit their weights to. With 2 that error is 1.43, with 12 1.39.
N_VIRTUAL = 6
# Rows are scaled to norm 1, so it holds in any units. That error is about the same from 1e-5 (1.39) to 0.1 (1.33).
RIDGE = 1e-3
FEWEST_PLACES = 12  # that a kernel is fitted to

Offset = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class KernelPrediction:
    """What a kernel says about a burst, and how wrong it is on clean samples nearby.

    Attributes
    ----------
    values, error
        Shape ``(receiver, sample)``; the error is the root mean square of the fit's places, each left out.
    """

    values: ComplexArray
    error: FloatArray


def predict_burst(around: Surroundings, burst: Burst) -> KernelPrediction | None:
    """Fit a kernel around a burst and apply it; None where too few clean places have the same pattern.

    The burst may be a rehearsal: samples that are clean themselves, and are taken for missing.
    """
    clean = around.clean_everywhere.copy()  # in all receivers: kernels read them all
    clean[burst.partition, burst.line, burst.start : burst.stop] = False
    sources = _source_offsets(clean, burst)
    targets = [(0, 0, step) for step in range(burst.length)]
    bystanders = _bystanders(around, burst)
    places = _places(clean, burst, sources + targets)  # targets as well: there the truth is known
    if not sources or len(places) < FEWEST_PLACES:
        return None
    here = np.array([[burst.partition, burst.line, burst.start]])
    every = np.concatenate([here, places])
    # Only where the kernel reads: there may be hundreds of bursts, and each would handle the whole k-space.
    low = np.maximum(every.min(axis=0) - np.array([1, FURTHEST_LINE, 2]), 0)
    high = every.max(axis=0) + np.array([2, FURTHEST_LINE + 1, MAX_LENGTH + 2])
    data = around.data[:, low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    every -= low
    rows = _gather(_virtual(data, every[1:]), every, sources)
    if len(bystanders):
        # Compressed by themselves: combinations of all receivers would bring the spark in.
        rows = np.concatenate([rows, _gather(_virtual(data[bystanders], every[1:]), every, targets)], axis=1)
    fitted = _gather(data[burst.receivers], every[1:], targets)
    values, residuals = _fit(rows, fitted)
    loudness = np.linalg.norm(rows, axis=1)
    near = _nearby(places - here, burst.length)
    # What a kernel gets wrong grows with what it is applied to: in a loud place the louder estimate holds.
    relative = np.abs(residuals[near]) / np.maximum(loudness[1:][near], 1e-30)[:, None] * max(loudness[0], 1e-30)
    error = np.sqrt(np.mean(np.maximum(np.abs(residuals[near]), relative) ** 2, axis=0))
    shape = (len(burst.receivers), burst.length)
    return KernelPrediction(values.reshape(shape), error.reshape(shape))


def _nearby(distance: NDArray[np.int_], length: int) -> BoolArray:
    """Choose the places that the error is measured on: those nearby, all if these are few; shape ``(place,)``."""
    near = np.all(np.abs(distance)[:, 1:] <= (NEARBY[0], NEARBY[1] + length), axis=1)
    return near if near.sum() >= FEWEST_PLACES // 2 else np.ones(len(distance), bool)


def _source_offsets(clean: BoolArray, burst: Burst) -> list[Offset]:
    """List the clean samples around a burst, relative to its first sample, in the spacing that is there."""
    offsets: list[Offset] = []
    for partition in (-1, 1):
        offsets += _on_line(clean, burst, partition, 0)
    for side in (-1, 1):
        for distance in range(1, FURTHEST_LINE + 1):
            found = _on_line(clean, burst, 0, side * distance)
            if found:
                offsets += found
                break
    return offsets + _on_line(clean, burst, 0, 0)


def _on_line(clean: BoolArray, burst: Burst, partition: int, line: int) -> list[Offset]:
    n_partitions, n_lines, n_samples = clean.shape
    there = (burst.partition + partition, burst.line + line)
    if not (0 <= there[0] < n_partitions and 0 <= there[1] < n_lines):
        return []
    margin = 2 if (partition, line) == (0, 0) else 1
    steps = range(max(-margin, -burst.start), min(burst.length + margin, n_samples - burst.start))
    return [(partition, line, step) for step in steps if clean[there[0], there[1], burst.start + step]]


def _bystanders(around: Surroundings, burst: Burst) -> NDArray[np.int_]:
    """Receivers that were not hit, and are clean at the burst itself."""
    there = np.all(around.clean[:, burst.partition, burst.line, burst.start : burst.stop], axis=1)
    there[burst.receivers] = False
    return np.flatnonzero(there)


def _places(clean: BoolArray, burst: Burst, pattern: list[Offset]) -> NDArray[np.int_]:
    """Places around a burst where the whole pattern is clean, shape ``(place, 3)``."""
    centre, steps = np.array([burst.partition, burst.line, burst.start]), np.array(pattern)
    # Where the pattern is inside of the k-space: places of a box, as the pattern's samples then are.
    first = np.maximum(np.maximum(centre - REACH, 0), -steps.min(axis=0))
    stop = np.minimum(np.minimum(centre + REACH + 1, clean.shape), clean.shape - steps.max(axis=0))
    if (stop <= first).any():
        return np.empty((0, 3), np.int_)
    whole = np.ones(stop - first, bool)
    for step in pattern:
        whole &= clean[tuple(slice(low + off, high + off) for low, high, off in zip(first, stop, step, strict=True))]
    return np.asarray(np.argwhere(whole) + first)


def _virtual(data: ComplexArray, places: NDArray[np.int_]) -> ComplexArray:
    """Compress receivers to the strongest combinations around a burst (Buehrer 2007, doi 10.1002/mrm.21237)."""
    if len(data) <= N_VIRTUAL:
        return data
    samples = data[:, places[:, 0], places[:, 1], places[:, 2]]
    _, vectors = np.linalg.eigh(samples @ samples.conj().T)
    # ``(virtual, coil)`` times ``(coil, kz, ky, kx)``.
    return np.asarray(np.tensordot(vectors[:, -N_VIRTUAL:].conj().T, data, axes=1))


def _gather(data: ComplexArray, places: NDArray[np.int_], offsets: list[Offset]) -> ComplexArray:
    """Collect the samples at the offsets from each place, shape ``(place, coil x offset)``."""
    wanted = places[:, None] + np.array(offsets)[None]
    samples = data[:, wanted[..., 0], wanted[..., 1], wanted[..., 2]]
    # From ``(coil, place, offset)`` to one row for each place.
    return np.asarray(samples.transpose(1, 0, 2).reshape(len(places), -1))


def _fit(rows: ComplexArray, fitted: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
    """Ridge regression; the first row is to be predicted, the others are fitted.

    Returns
    -------
    tuple
        The prediction, shape ``(target,)``, and the residual of each place when it is left out of the fit
        (from its leverage: Allen's PRESS), shape ``(place, target)``.
    """
    # Weights 1/magnitude: else the loudest of the places would alone decide the kernel.
    weight = 1 / np.maximum(np.linalg.norm(rows[1:], axis=1), 1e-30)[:, None]
    sources, targets = rows[1:] * weight, fitted * weight
    # Double precision from here on: normal equations square the condition of their sources.
    normal = (sources.conj().T @ sources).astype(np.complex128)
    normal[np.diag_indices(len(normal))] += RIDGE
    factor = np.linalg.cholesky(normal)
    # The sources times the factor's inverse: kernel and leverages both follow from it.
    half = lapack.ztrtrs(factor, sources.conj().T, lower=True)[0]
    kernel = lapack.ztrtrs(factor, half @ targets, lower=True, trans=2)[0]
    leverage = np.sum(power(half), axis=0)
    # A place that the fit follows wholly, of leverage 1, has no residual that could be scaled up.
    residuals = (targets - sources @ kernel) / np.maximum(1 - leverage, 1e-3)[:, None] / weight
    return rows[0] @ kernel, residuals
