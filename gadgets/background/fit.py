"""The fit of an image's background: variance and missing samples in turn, until the background is as dark as it can be.

What it stands on, and what is made of it: :mod:`.image_support`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gadgets.arrays import LARGEST_PEAK, SMALLEST_PEAK, BoolArray, ComplexArray, FloatArray
from gadgets.background.darkness import brightness_of, precision_from, receiver_weights_of
from gadgets.background.missing_samples import Factor, MissingSamples
from gadgets.local_statistics import power
from gadgets.process import check_time

MAX_ITERATIONS = 6  # rounds at most: bounds the time of a fit that does not come to rest (see STILL)
STILL = 0.005  # of the power of the background: as little change of the image moves no variance
LOSSY = 1e6  # changes of which single precision would leave as much as a thousandth of the background's size


@dataclass(frozen=True, eq=False)
class Fit:
    """What a fit has come to.

    Attributes
    ----------
    groups, values
        The missing samples, and what belongs there, each of shape ``(coil, sample)``.
    factors
        Of the system, for each group: see :meth:`.MissingSamples.solve`.
    image
        Transform of the samples with these values, shape ``(coil, y, x)``.
    precision, correlation, receiver_weights
        See :class:`.image_support.SupportPrediction`.
    """

    groups: Sequence[MissingSamples]
    values: Sequence[ComplexArray]
    factors: Sequence[Factor | None]
    image: ComplexArray
    precision: NDArray[np.float32]
    correlation: NDArray[np.complex128]
    receiver_weights: FloatArray

    @property
    def diagonals(self) -> list[FloatArray]:
        """Diagonal of the system's inverse, for each group."""
        return [group.uncertainty(factor) for group, factor in zip(self.groups, self.factors, strict=True)]


def fitted(
    plane: ComplexArray,
    groups: Sequence[MissingSamples],
    first: Sequence[ComplexArray] | None = None,
) -> Fit:
    """Estimate variance and missing samples in turn, until the background rests; see :func:`rounds_of_fit`."""
    # One round after the other: a list of them would keep what each has made.
    (last,) = deque(rounds_of_fit(plane, groups, first), maxlen=1)
    return last


def rounds_of_fit(
    plane: ComplexArray,
    groups: Sequence[MissingSamples],
    first: Sequence[ComplexArray] | None = None,
    is_enough: Callable[[FloatArray], bool] | None = None,
    absent: BoolArray | None = None,
) -> Iterator[Fit]:
    """Give what a fit has come to after each of its rounds; all share their arrays.

    Parameters
    ----------
    plane
        Samples, shape ``(coil, ky, kx)``.
    groups
        The missing samples.
    first
        A first estimate of them, each of shape ``(coil, sample)``; None: what is in the plane.
    is_enough
        Tells by the image's brightness before a round whether it is not worth its time; None: all rounds are.
    absent
        Samples that count as zero in place of what is in the plane, shape ``(ky, kx)``; None: there are none.
    """
    values = [_recorded(plane, group, absent) for group in groups] if first is None else [each.copy() for each in first]
    is_as_recorded = first is None and absent is None
    image = fft.fft2(plane) if is_as_recorded else filled_image(plane, groups, values, absent)
    receiver_weights = receiver_weights_of(image)
    for _ in range(MAX_ITERATIONS):
        check_time()
        brightness = brightness_of(image, receiver_weights)
        if is_enough is not None and is_enough(brightness):
            return
        precision = precision_from(brightness)
        correlation: NDArray[np.complex128] = fft.ifft2(precision.astype(np.float64))
        # A solution is what the samples leave in the background; minus that, the missing ones cancel it.
        solved = [group.solve(correlation, group.samples_of(image, precision), precision) for group in groups]
        moved = [-solution for solution, _ in solved]
        for group, known, more in zip(groups, values, moved, strict=True):
            known += more
            group.add_to(image, more)  # by its change alone: no copy of all that is known
        change = change_of(groups, moved, receiver_weights)
        if change > LOSSY:
            image[...] = filled_image(plane, groups, values, absent)
        factors = [factor for _, factor in solved]
        yield Fit(groups, values, factors, image, precision, correlation, receiver_weights)
        if change < STILL:
            break


def _recorded(plane: ComplexArray, group: MissingSamples, absent: BoolArray | None) -> ComplexArray:
    """Give what is in the plane for missing samples, shape ``(coil, sample)``, zero for absent ones."""
    recorded: ComplexArray = plane[group.index]
    if absent is not None:
        recorded[:, absent[group.index[1:]]] = 0
    return recorded


def filled_with(
    plane: ComplexArray,
    groups: Sequence[MissingSamples],
    values: Sequence[ComplexArray],
    absent: BoolArray | None = None,
) -> ComplexArray:
    """Give a copy of a plane with values for its missing samples, and zero for those that are absent."""
    filled = plane.copy()
    if absent is not None:
        filled[:, absent] = 0
    for group, known in zip(groups, values, strict=True):
        filled[group.index] = known
    return filled


def filled_image(
    plane: ComplexArray,
    groups: Sequence[MissingSamples] = (),
    values: Sequence[ComplexArray] = (),
    absent: BoolArray | None = None,
) -> ComplexArray:
    """Transform a plane as :func:`filled_with` gives it."""
    # What is made for the transform alone is overwritten by it: a second array of the plane's size takes memory.
    return np.asarray(fft.fft2(filled_with(plane, groups, values, absent), overwrite_x=True))


def change_of(groups: Sequence[MissingSamples], moved: Sequence[ComplexArray], receiver_weights: FloatArray) -> float:
    """Tell how far missing samples that moved have moved the background, as a share of its power."""
    shares = [
        len(values) * moved_background(values, receiver_weights[group.coils])
        for group, values in zip(groups, moved, strict=True)
    ]
    return sum(shares) / len(receiver_weights)


def moved_background(moved: ComplexArray, receiver_weights: FloatArray) -> float:
    """Tell what :func:`change_of` does of samples ``(coil, sample)`` that moved in all receivers."""
    # The transform is not normalised: a sample's energy is just the power that it adds to a pixel on average.
    return float(np.mean(receiver_weights * np.sum(power(moved), axis=1)))


def scale_of(*planes: ComplexArray) -> np.float32:
    """Give what planes have to be divided by for their squares to stay in single precision; 1 for ordinary data."""
    parts = (np.ascontiguousarray(plane).view(plane.real.dtype) for plane in planes)
    peak = np.float32(max(max(each.max(initial=0.0), -each.min(initial=0.0)) for each in parts))
    return np.float32(1) if peak == 0 or SMALLEST_PEAK < peak < LARGEST_PEAK else peak


def in_units(plane: ComplexArray, scale: np.float32) -> ComplexArray:
    """Divide a plane by its scale, in single precision; one in ordinary units is given as it is."""
    return (plane / scale).astype(np.complex64, copy=False) if scale != 1 else plane.astype(np.complex64, copy=False)
