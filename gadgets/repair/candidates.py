"""Candidates for the repair of a burst: each says what the samples should be, and how wrong that may be.

The error is measured, not assumed: the same is predicted for clean samples, in the shape of the burst, and
compared with what was recorded there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.local_statistics import power
from gadgets.records import RepairMethod
from gadgets.repair.bursts import Burst, Together

NEARBY = (3, 4)  # lines, samples on either side of a burst
FEWEST_SHAPES = 6  # clean places that an error is measured on at least
AT_ONCE = 1 << 11  # samples whose surroundings are collected together
CONSISTENT = 2.5
"""Times the error of a prediction that another one may differ from it and still agree."""
HANDICAP = 2.0  # in loud places kernels and partners are worse than they measure where it is less loud


@dataclass(frozen=True, eq=False)
class Candidate:
    """What a method says about a burst.

    Attributes
    ----------
    values
        Shape ``(receiver, sample)``, receivers as in the burst.
    error
        Root mean square error of the method on clean samples, same shape; infinite where unknown.
    """

    method: RepairMethod
    values: ComplexArray
    error: FloatArray

    @cached_property
    def total_error(self) -> float:
        """Root mean square error over receivers and samples."""
        return overall(self.error)


def best_of(support: Candidate, *others: Candidate | None) -> Candidate:
    """Choose the candidate with the smallest error, what the image's background says being the first."""
    weighed = [support, *(beside(support, other) for other in others if other is not None)]
    return min(weighed, key=lambda each: each.total_error)


def beside(support: Candidate, other: Candidate) -> Candidate:
    """Weigh a candidate by what the image's background says.

    All predict the same truth, and of all errors that of the background is the best known: the distance from it,
    beyond what it may get wrong itself, is the fault of the other.
    """
    beyond = np.abs(other.values - support.values) - CONSISTENT * support.error
    # Zero's error holds for the burst's own place; that of the others was measured beside it.
    handicap = 1 if other.method == "zero" else HANDICAP
    return replace(other, error=handicap * np.maximum(other.error, beyond))


def overall(values: FloatArray) -> float:
    """Root mean square of all values, shape ``(receiver, sample)``."""
    # What NumPy's mean does beside the sum takes longer than that, and every burst asks several times.
    flat = values.ravel()
    return math.sqrt(float(flat @ flat) / flat.size)


def shape_error(
    values: ComplexArray,
    clean: BoolArray,
    burst: Burst,
    reach: tuple[int, int],
    resolution: ComplexArray | None = None,
    truth: ComplexArray | None = None,
) -> FloatArray:
    """Measure errors in the shape of a burst at clean places around it, in the burst's receivers.

    Parameters
    ----------
    values
        Errors of one partition, or what `resolution` turns into errors, shape ``(coil, ky, kx)``.
    clean
        Samples that count, same shape.
    burst
        Its length is the shape, its place the middle.
    reach
        Lines and samples to go on either side.
    resolution
        Matrix ``(sample, sample)`` that turns consecutive `values` into errors.
    truth
        What is to be taken from `values` before they are errors, same shape; None: nothing.

    Returns
    -------
    FloatArray
        Root mean square, shape ``(receiver, sample)``; infinite for a receiver with too few clean places.
    """
    return np.asarray(_shape_errors(values, clean, [burst], reach, resolution, truth)[0])


def _shape_errors(
    values: ComplexArray,
    clean: BoolArray,
    bursts: Sequence[Burst],
    reach: tuple[int, int],
    resolution: ComplexArray | None,
    truth: ComplexArray | None = None,
) -> FloatArray:
    """Do as :func:`shape_error` for bursts of one length, with as many receivers and windows of one shape.

    Shape ``(burst, receiver, sample)``.
    """
    # The window is cut before its receivers are taken: there may be hundreds of bursts, and each copy of a partition
    # would cost more than all that is computed here.
    windows = [(burst.receivers, (slice(None), *_window(burst, reach, values.shape[1:]))) for burst in bursts]
    there = np.stack([values[window][receivers] for receivers, window in windows])
    if truth is not None:
        there = there - np.stack([truth[window][receivers] for receivers, window in windows])
    is_clean = np.stack([clean[window][receivers] for receivers, window in windows])
    length = bursts[0].length
    if length == 1:  # most bursts are: every place is a shape, and nothing is to be put together
        shapes, whole = there[..., None], is_clean
    else:
        shapes = sliding_window_view(there, length, axis=-1)
        n_places = shapes.shape[-2]
        whole = np.logical_and.reduce([is_clean[..., step : step + n_places] for step in range(length)])
    squares = power(shapes if resolution is None else shapes @ resolution.T)
    # Over the places, not over the samples of a shape: its middle is predicted worse than its ends. Axes: b counts the
    # bursts, c the receivers, l and s the lines and samples around, k the samples of a shape.
    energy = (
        np.einsum("bclsk,bcls->bck", squares, whole)
        if length > 1
        else np.where(whole[..., None], squares, 0).sum(axis=(2, 3))
    )
    count = np.sum(whole, axis=(2, 3))[..., None]
    enough = np.broadcast_to(count >= FEWEST_SHAPES, energy.shape)
    return np.asarray(np.sqrt(np.divide(energy, count, out=np.full(energy.shape, np.inf), where=enough)))


def _window(burst: Burst, reach: tuple[int, int], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Give the lines and samples around a burst, cut at the borders of its partition."""
    # Beyond the burst's ends there has to be room for a whole shape, and then the reach.
    margin = reach[1] + burst.length
    lines = slice(max(0, burst.line - reach[0]), min(shape[0], burst.line + reach[0] + 1))
    samples = slice(max(0, burst.start - margin), min(shape[1], burst.stop + margin))
    return lines, samples


def errors_around(
    values: ComplexArray,
    clean: BoolArray,
    row: Together,
    reach: tuple[int, int],
    resolution: Callable[[int], ComplexArray] | None = None,
) -> FloatArray:
    """Do as :func:`shape_error` for all bursts of a row, shape ``(sample of the row,)``.

    Parameters
    ----------
    values, clean, reach
        As there.
    row
        The bursts.
    resolution
        Gives the matrix of bursts of a length.
    """
    single = 1.0 if resolution is None else float(resolution(1)[0, 0].real)
    inner = (row.lengths == 1) & _lie_inside(row, reach, values.shape[1:])
    errors = np.empty(inner.shape)
    errors[inner] = single * _single_errors(values, clean, row, np.flatnonzero(inner), reach)
    # Longer ones, and those whose surroundings reach beyond the border, together with others like them.
    alike: dict[tuple[int, ...], list[Burst]] = {}
    for burst in compress(row.bursts, row.any(~inner)):
        lines, samples = _window(burst, reach, values.shape[1:])
        shape = (burst.receivers.size, burst.length, lines.stop - lines.start, samples.stop - samples.start)
        alike.setdefault(shape, []).append(burst)
    for (n_receivers, length, *_), bursts in alike.items():
        matrix, step = None if resolution is None else resolution(length), max(AT_ONCE // n_receivers, 1)
        for start in range(0, len(bursts), step):
            together = bursts[start : start + step]
            for burst, error in zip(together, _shape_errors(values, clean, together, reach, matrix), strict=True):
                row.part(errors, burst)[...] = error
    return errors


def _lie_inside(row: Together, reach: tuple[int, int], shape: tuple[int, ...]) -> BoolArray:
    """Tell of the samples of a row whether their windows lie within the borders of the partition."""
    margin = reach[1] + 1  # as that of `_window` for a length of 1
    across = (reach[0] <= row.lines) & (row.lines < shape[0] - reach[0])
    return np.asarray(across & (margin <= row.samples) & (row.samples < shape[1] - margin))


def _single_errors(
    values: ComplexArray, clean: BoolArray, row: Together, places: IntArray, reach: tuple[int, int]
) -> FloatArray:
    """Measure the errors around single samples of a row, by their numbers, whose windows have one shape."""
    errors = np.empty(places.size)
    size = (2 * reach[0] + 1, 2 * reach[1] + 3)
    for start in range(0, places.size, AT_ONCE):
        some = places[start : start + AT_ONCE]
        first = (row.coils[some], row.lines[some] - reach[0], row.samples[some] - reach[1] - 1)
        there, is_clean = (sliding_window_view(each, size, axis=(1, 2))[first] for each in (values, clean))
        # Axes: p counts the samples of the row, l and s the lines and samples around each.
        energy = np.einsum("pls,pls->p", power(there), is_clean)
        count = np.count_nonzero(is_clean, axis=(1, 2))
        mean = np.divide(energy, count, out=np.full(energy.shape, np.inf), where=count >= FEWEST_SHAPES)
        errors[start : start + AT_ONCE] = np.sqrt(mean)
    return errors


def agreed(measured: Candidate, values: ComplexArray) -> Candidate:
    """Take what a calibration model says, unless that contradicts the best of the measured candidates.

    Where they agree, the mean of both is taken, which err in different places: over 20 runs on files that were
    left out, the image error was 6 % smaller than with the measured candidate, 3 % with the model alone.

    Parameters
    ----------
    measured
        The best of the measured candidates.
    values
        What the model says, shape ``(receiver, sample)``; NaN where it does not say.
    """
    completed = np.where(np.isnan(values), measured.values, values)
    if not (np.abs(completed - measured.values) <= CONSISTENT * measured.error).all():
        return measured
    return Candidate("calibration_model", (completed + measured.values) / 2, measured.error)
