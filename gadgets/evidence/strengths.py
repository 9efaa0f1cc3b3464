"""How strong samples are beyond what background and neighbours say: the first maps of the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.background import innovation_of
from gadgets.evidence.levels import peak_of, root_mean_square
from gadgets.evidence.seen import Seen
from gadgets.evidence.whitening import Whitening, whiten, whitened_energy
from gadgets.local_statistics import local_median, power, quantile, step_through
from gadgets.process import meanwhile

SMALLEST = 0.05
"""Added to what is put on a logarithmic scale: how far below the usual a sample is does not matter."""

ENOUGH = 1 << 14
"""Samples of a receiver whose median tells what is usual in it."""

SILENT = 1e-12
"""Of the largest sample: far below the last digit of single precision. It keeps planes of zeros from dividing by zero.
"""


def write(maps: NDArray[np.float32], ratios: Iterable[FloatArray]) -> None:
    """Write ratios, which are about one for a usual sample, as maps."""
    for ratio, target in zip(ratios, maps, strict=True):
        np.log(ratio + SMALLEST, out=target)


def innovation_maps(seen: Seen, *, overwrite: bool = False) -> tuple[NDArray[np.float32], float]:
    """Tell what each sample is minus its prediction by the image's background, and the image's contrast.

    Where it may, it overwrites the data, which saves an array of the plane's size.

    Returns
    -------
    tuple
        Four maps, shape ``(4, line, sample)``, and the contrast.
    """
    taken_out = seen.taken_out
    others = seen.others_alone(overwrite=overwrite)
    units = 1 / peak_of(others)  # so that SILENT is small in any data
    innovation, contrast = innovation_of(others, units, overwrite=overwrite or others is not seen.data)
    del others
    # No sample has a share in its own prediction: with what it recorded it deviates by just that much more.
    innovation[:, seen.obvious] += taken_out * np.float32(units)
    strongest = meanwhile(partial(_strongest_receiver, innovation))
    strength = root_mean_square(innovation)
    usual = np.maximum(local_median(strength, 3), SILENT)  # three away: see `error_level_of`
    ordinary = max(float(quantile(strength.ravel(), 0.5)), SILENT)
    local = strength / np.maximum(usual, 0.5 * ordinary)  # a place that is quiet by chance lifts nothing
    maps = np.empty((4, *strength.shape), np.float32)
    write(maps, (strength / ordinary, local, whitened_energy(innovation), strongest()))
    return maps, contrast


def write_residual(maps: NDArray[np.float32], seen: Seen, predicted: ComplexArray) -> tuple[FloatArray, Whitening]:
    """Write what each sample is minus its prediction by its neighbours, which is overwritten.

    Returns
    -------
    tuple
        Root mean square of the residual over the receivers, shape ``(line, sample)``; and what is usual for it.
    """
    residual = np.subtract(seen.data, predicted, out=predicted)
    error = root_mean_square(residual)
    level = error_level_of(error, seen.noise)
    energy, whitening = whiten(residual, level)
    write(maps, (error / level, energy))
    return error, whitening


def error_level_of(error: FloatArray, noise: float) -> FloatArray:
    """Tell how large residuals usually are around each sample, shape ``(line, sample)``."""
    # Three away: a spark spoils the predictions of its neighbours, too. One of 10 times the level makes the median two
    # away half as large again, and three away a quarter larger.
    return np.maximum(local_median(error, 3), 0.5 * noise)


def _strongest_receiver(values: ComplexArray) -> FloatArray:
    """Largest magnitude over the receivers, each in its own units, over what is usual; shape ``(line, sample)``.

    A spark in one receiver of 32 is lost in the sum over all.
    """
    # One receiver at a time stays in the cache, and takes little memory.
    receivers = values.reshape(len(values), -1)
    step = step_through(receivers.shape[1], ENOUGH)
    usual, loudest = zip(*((quantile(each[::step], 0.5), each.max()) for each in map(power, receivers)), strict=True)
    # In units of its own, a silent receiver would outshout all others with its rounding errors.
    units = np.maximum(np.sqrt(np.array(usual, np.float64)), 1e-6 * np.sqrt(float(max(loudest))) + 1e-18)
    largest: FloatArray = np.zeros(receivers.shape[1], np.float32)
    for receiver, unit in zip(receivers, units, strict=True):
        np.maximum(largest, power(receiver) * np.float32(1 / unit**2), out=largest)
    strongest = np.sqrt(largest).reshape(values.shape[1:])
    return np.asarray(strongest / max(float(quantile(strongest.ravel(), 0.5)), 1e-6))
