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
    """What a fit has come to, see :class:`.image_support.SupportPrediction`; `image` transforms what is filled."""

    filled: ComplexArray
    image: ComplexArray
    precision: NDArray[np.float32]
    correlation: NDArray[np.complex128]
    variance: NDArray[np.float32]
    receiver_weights: FloatArray


def fitted(start: ComplexArray, missing: BoolArray, image: ComplexArray | None = None) -> Fit:
    """Estimate variance and missing samples in turn, from a first estimate of the samples.

    ``image`` is the transform of that, which is overwritten; None: it is not known yet.
    """
    filled = start.copy()
    image = fft.fft2(start) if image is None else image
    groups = missing_samples(missing)
    variance = np.zeros(missing.shape, np.float32)
    receiver_weights = receiver_weights_of(image)
    for _ in range(MAX_ITERATIONS):
        check_time()
        precision = precision_with(image, receiver_weights)
        correlation: NDArray[np.complex128] = fft.ifft2(precision.astype(np.float64))
        moved = []
        for group in groups:
            # The solution is what the samples leave in the background; minus that, the missing ones cancel it.
            solution, diagonal = group.solve(correlation, group.samples_of(image, precision), precision)
            filled[group.index] -= solution
            variance[group.index] = diagonal
            group.add_to(image, -solution)  # by its change alone: no copy of all that is known
            moved.append(-solution)
        change = change_of(groups, moved, receiver_weights)
        if change > LOSSY:
            image[...] = fft.fft2(filled)
        if change < STILL:
            break
    return Fit(filled, image, precision, correlation, variance, receiver_weights)


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
