"""Errors nearby: how wrong a prediction is around a burst, at clean samples in the burst's shape.

There may be hundreds of bursts. Those of single samples, which are most, are measured together, and so are others with
windows of one shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.local_statistics import power
from gadgets.repair.bursts import Burst
from gadgets.repair.ground.together import Together

NEARBY = (3, 4)  # lines, samples on either side of a burst
FEWEST_SHAPES = 6  # clean places that an error is measured on at least
AT_ONCE = 1 << 11  # samples whose surroundings are collected together


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
