"""The fit of an image's background: variance and missing samples in turn, until the background is as dark as it can be.

What it stands on, and what is made of it: :mod:`.image_support`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.background.darkness import precision_with, receiver_weights_of
from gadgets.background.missing_samples import MissingSamples, missing_samples
from gadgets.local_statistics import power
from gadgets.process import check_time

MAX_ITERATIONS = 6  # rounds at most: bounds the time of a fit that does not come to rest (see STILL)
STILL = 0.005  # of the power of the background: as little change of the image moves no variance
LOSSY = 1e6  # changes of which single precision would leave as much as a thousandth of the background's size
SMALLEST_PEAK, LARGEST_PEAK = 1e-6, 1e12  # between which a plane needs no other units


@dataclass(frozen=True, eq=False)
class Fit:
    """What a fit has come to.

    Attributes
    ----------
    groups, values
        The missing samples, and what belongs there, each of shape ``(coil, sample)``.
    diagonals
        Of the system's inverse, for each group.
    image
        Transform of the samples with these values, shape ``(coil, y, x)``.
    precision, correlation, receiver_weights
        See :class:`.image_support.SupportPrediction`.
    """

    groups: Sequence[MissingSamples]
    values: Sequence[ComplexArray]
    diagonals: Sequence[FloatArray]
    image: ComplexArray
    precision: NDArray[np.float32]
    correlation: NDArray[np.complex128]
    receiver_weights: FloatArray


def fitted(
    plane: ComplexArray, missing: BoolArray, worthless: BoolArray | None = None, image: ComplexArray | None = None
) -> Fit:
    """Estimate variance and missing samples in turn.

    Parameters
    ----------
    plane
        Samples, shape ``(coil, ky, kx)``; at the missing ones a first estimate.
    missing
        Samples to be estimated, same shape.
    worthless
        Those of the missing whose first estimate is zero, same shape; None: none.
    image
        Transform of the first estimate, which is overwritten; None: it is not known yet.
    """
    groups = missing_samples(missing)
    values: list[ComplexArray] = [plane[group.index] for group in groups]
    if worthless is not None:
        values = [
            np.where(worthless[group.index], np.complex64(0), each) for group, each in zip(groups, values, strict=True)
        ]
    if image is None:
        # What is made for the transform alone is overwritten by it: a second array of the plane's size takes memory.
        image = fft.fft2(plane) if worthless is None else fft.fft2(filled_with(plane, groups, values), overwrite_x=True)
    receiver_weights = receiver_weights_of(image)
    for _ in range(MAX_ITERATIONS):
        check_time()
        precision = precision_with(image, receiver_weights)
        correlation: NDArray[np.complex128] = fft.ifft2(precision.astype(np.float64))
        # A solution is what the samples leave in the background; minus that, the missing ones cancel it.
        solved = [group.solve(correlation, group.samples_of(image, precision), precision) for group in groups]
        moved = [-solution for solution, _ in solved]
        for group, known, more in zip(groups, values, moved, strict=True):
            known += more
            group.add_to(image, more)  # by its change alone: no copy of all that is known
        change = change_of(groups, moved, receiver_weights)
        if change > LOSSY:
            image[...] = fft.fft2(filled_with(plane, groups, values), overwrite_x=True)
        if change < STILL:
            break
    diagonals = [group.uncertainty(factor) for group, (_, factor) in zip(groups, solved, strict=True)]
    return Fit(groups, values, diagonals, image, precision, correlation, receiver_weights)


def filled_with(plane: ComplexArray, groups: Sequence[MissingSamples], values: Sequence[ComplexArray]) -> ComplexArray:
    """Give a copy of a plane with values for its missing samples."""
    filled = plane.copy()
    for group, known in zip(groups, values, strict=True):
        filled[group.index] = known
    return filled


def change_of(groups: Sequence[MissingSamples], moved: Sequence[ComplexArray], receiver_weights: FloatArray) -> float:
    """Tell how far missing samples that moved have moved the background, as a share of its power."""
    # The transform is not normalised: a sample's energy is just the power that it adds to a pixel on average.
    energies = [
        float(np.sum(receiver_weights[group.coils] * np.sum(power(values), axis=1)))
        for group, values in zip(groups, moved, strict=True)
    ]
    return sum(energies) / len(receiver_weights)


def scale_of(plane: ComplexArray) -> np.float32:
    """Give what a plane has to be divided by for its squares to stay in single precision; 1 for ordinary data."""
    parts = np.ascontiguousarray(plane).view(plane.real.dtype)
    peak = np.float32(max(parts.max(initial=0.0), -parts.min(initial=0.0)))
    return np.float32(1) if peak == 0 or SMALLEST_PEAK < peak < LARGEST_PEAK else peak


def in_units(plane: ComplexArray, scale: np.float32) -> ComplexArray:
    """Divide a plane by its scale, in single precision; one in ordinary units is given as it is."""
    return (plane / scale).astype(np.complex64, copy=False) if scale != 1 else plane.astype(np.complex64, copy=False)
