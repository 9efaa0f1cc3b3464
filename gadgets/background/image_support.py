"""What the image's background says about a sample: prediction of missing samples of one partition.

A wrong sample is a sinusoid over the whole image, also where there is no signal. Where the field of view holds
some background, the amplitude of that sinusoid can be read there, and with it the sample itself, even in the
centre of k-space and with a single receiver. The image is modelled as complex Gaussian with variance ``v`` at
each pixel, estimated from the image itself; a missing sample is then the minimum of ``sum |image|² / v``. Only a
few samples are unknown, so the minimum is a small linear system, whose matrix depends on their distances alone.
Iterative reweighting with a power above one brings out the darkest parts of the image (Gorodnitsky and Rao,
doi 10.1109/78.558475).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.background.at_missing import AtMissing
from gadgets.background.darkness import brightness_of, contrast, precision_from, receiver_weights_of
from gadgets.background.fit import change_of, filled_with, fitted, in_units, scale_of
from gadgets.background.missing_samples import MissingSamples, missing_samples
from gadgets.local_statistics import power

# Of the background's power: withheld samples that move it by more have all fitted anew. Ten times what ends a fit
# (STILL), as only errors are measured on them.
MOVED = 0.05
LARGE_SHARE = 0.1  # of the energy missing: the variance then hangs on what is missing, and is put to the test
DOUBT = 1.0  # of the difference between two starts: measured on real data, less lets repairs through that do harm


@dataclass(frozen=True, eq=False)
class SupportPrediction:
    """A partition with its missing samples filled, and what its background says about all the others.

    Attributes
    ----------
    plane
        The partition as recorded, shape ``(coil, ky, kx)``.
    groups, values
        The missing samples, and what is predicted there, each of shape ``(coil, sample)``.
    weighted
        Samples of the image divided by its variance, shape ``(coil, ky, kx)``; zero at the missing ones. Divided
        by ``correlation[0, 0]`` it is every sample minus its prediction from all others.
    precision
        One over the variance, shape ``(y, x)``; largest value 1.
    correlation
        Matrix element of the system between two samples, by their distance, shape ``(ky, kx)``.
    variance
        Diagonal of the system's inverse at the missing samples: how uncertain each is, in common units, because it
        and the others are missing. Zero where too much is missing for it to be known.
    doubt
        How far the missing samples hang on the first estimate of the variance; None: not at all.
    receiver_weights
        One over the background power of each receiver, shape ``(coil,)``.
    """

    plane: ComplexArray
    groups: Sequence[MissingSamples]
    values: Sequence[ComplexArray]
    weighted: ComplexArray
    precision: NDArray[np.float32]
    correlation: NDArray[np.complex128]
    variance: AtMissing
    doubt: AtMissing | None
    receiver_weights: FloatArray

    @property
    def innovation(self) -> ComplexArray:
        """Every sample minus its prediction from all other samples, shape ``(coil, ky, kx)``."""
        innovation: ComplexArray = self.weighted / np.float32(self.correlation[0, 0].real)
        return innovation

    @cached_property
    def predicted(self) -> AtMissing:
        """What is predicted at the missing samples; what was recorded there in receivers that do not miss them."""
        return AtMissing.of(self.groups, self.values, self.plane)

    @property
    def filled(self) -> ComplexArray:
        """Samples, shape ``(coil, ky, kx)``; those that were missing have their predicted values. A copy."""
        return filled_with(self.plane, self.groups, self.values)

    def burst_resolution(self, length: int) -> NDArray[np.complex128]:
        """Matrix that turns ``weighted`` at consecutive samples into their errors when all are left out together."""
        steps = np.subtract.outer(np.arange(length), np.arange(length))
        inverse: NDArray[np.complex128] = np.linalg.inv(self.correlation[0, steps % self.correlation.shape[1]])
        return inverse

    def given(self, line: int, start: int, length: int, places: IntArray, known: ComplexArray) -> ComplexArray:
        """Predict consecutive missing samples as if other missing ones were known, shape ``(coil, sample)``.

        Parameters
        ----------
        line, start, length
            The samples.
        places, known
            Line and sample of the others, shape ``(n, 2)``, and their values, shape ``(coil, n)``.
        """
        samples = np.arange(start, start + length)
        across, along = line - places[:, 0], samples[:, None] - places[:, 1]
        coupling = self.correlation[across % self.correlation.shape[0], along % self.correlation.shape[1]]
        number: IntArray = self.predicted.number
        predicted = self.predicted.values.astype(np.complex64, copy=False)
        # At the minimum the burst's own shift times its part of the system cancels what the others are off times the
        # coupling: hence the minus below.
        off = known - predicted[:, number[places[:, 0], places[:, 1]]]
        shift = off @ (self.burst_resolution(length) @ coupling).T
        return np.asarray(predicted[:, number[line, samples]] - shift)

    def without(self, missing: BoolArray) -> AtMissing:
        """Predict once more, with other samples missing as well.

        The weights stay as they are, which takes no transform but only the solution of the system; unless that moves
        the background by more than :data:`MOVED`. Then all is fitted anew, from what is filled.

        Parameters
        ----------
        missing
            All that was missing and what is withheld, shape ``(coil, ky, kx)``.

        Returns
        -------
        AtMissing
            What is predicted minus what was there, over its expected size: what is withheld makes the task harder than
            it is.
        """
        groups = missing_samples(missing)
        solved = [group.solve(self.correlation, self.weighted[group.index], self.precision) for group in groups]
        moved = [-solution for solution, _ in solved]
        diagonals = [group.uncertainty(factor) for group, (_, factor) in zip(groups, solved, strict=True)]
        if change_of(groups, moved, self.receiver_weights) > MOVED:
            filled = self.filled
            scale = scale_of(filled)
            # Where the first solution has come to: another round of it needs not be made.
            begun = [(filled[group.index] + more) / scale for group, more in zip(groups, moved, strict=True)]
            fit = fitted(in_units(filled, scale), groups, begun)
            pairs = zip(groups, fit.values, strict=True)
            moved, diagonals = [scale * values - filled[group.index] for group, values in pairs], fit.diagonals
        # The precision has the largest value 1, not the variance: in this unit a sample that is missing alone has 1.
        unit = float(self.correlation[0, 0].real)
        expected = [np.sqrt(np.where(each > 0, each * unit, 1)) for each in diagonals]
        wrong = [each / size for each, size in zip(moved, expected, strict=True)]
        return AtMissing.of(groups, wrong, _zeros(self.plane.shape, np.complex64))


def _zeros(shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """Give zeros that take no memory."""
    return np.broadcast_to(dtype(0), shape)


def predict_from_support(
    plane: ComplexArray, missing: BoolArray, worthless: BoolArray | None = None
) -> SupportPrediction:
    """Fill the missing samples of one partition so that the image's background is as dark as it can be.

    The recorded values of missing samples serve once, for the first estimate of the variance: a spark raises it
    everywhere by about the same amount, which shifts the weights less than a hole in the centre of k-space does.

    Parameters
    ----------
    plane
        Finite samples, shape ``(coil, ky, kx)``; zero where nothing was sampled.
    missing
        Samples to be predicted, shape ``(coil, ky, kx)``.
    worthless
        Those whose recorded values do not even serve for that, same shape; None: all do.
    """
    scale = scale_of(plane)
    recorded = in_units(plane, scale)
    groups = missing_samples(missing)
    first = None
    if worthless is not None:
        first = [np.where(worthless[group.index], np.complex64(0), recorded[group.index]) for group in groups]
    fit = fitted(recorded, groups, first)
    doubt = None
    # Of the predicted values: a spark that was recorded loud does not mean that much of the image is missing.
    energy = sum(float(np.sum(power(values))) for values in fit.values)
    if energy > LARGE_SHARE * float(np.vdot(fit.image, fit.image).real) / missing[0].size:
        # A second start, with holes in place of what was recorded: where both end alike, the start decided nothing.
        if first is not None:
            del fit  # before the next one is made: each has an image of all receivers
            fit = fitted(recorded, groups)
        without = fitted(recorded, groups, [np.zeros_like(values) for values in fit.values]).values
        differences = [DOUBT * scale * np.abs(one - other) for one, other in zip(fit.values, without, strict=True)]
        doubt = AtMissing.of(fit.groups, differences, _zeros(missing.shape, np.float32))
    del recorded
    # In place: all others' samples take memory enough.
    np.multiply(fit.image, fit.precision, out=fit.image)
    weighted: ComplexArray = fft.ifft2(fit.image, overwrite_x=True)
    weighted[missing] = 0  # as the minimum has it, but for errors of the solution
    if scale != 1:
        # Correlation and variance hold in any units: the precision's largest value is 1.
        np.multiply(weighted, scale, out=weighted)
    return SupportPrediction(
        plane=plane,
        groups=fit.groups,
        values=[scale * values for values in fit.values],
        weighted=weighted,
        precision=fit.precision,
        correlation=fit.correlation,
        variance=AtMissing.of(fit.groups, fit.diagonals, _zeros(missing.shape, np.float32)),
        doubt=doubt,
        receiver_weights=fit.receiver_weights / np.float64(scale) ** 2,
    )


def innovation_of(plane: ComplexArray, scale: float = 1.0, *, overwrite: bool = False) -> tuple[ComplexArray, float]:
    """Every sample minus its prediction from all other samples, where none is missing; shape ``(coil, ky, kx)``.

    The second is the image's contrast, see :func:`.darkness.contrast`.

    Two transforms instead of the many of :func:`predict_from_support`, which gives the same. The result is in units
    in which the samples are `scale` times as large. It may take the place of the plane.
    """
    image = fft.fft2(plane, overwrite_x=overwrite)
    brightness = brightness_of(image, receiver_weights_of(image))
    precision = precision_from(brightness)
    # The mean of the precision is the correlation at distance zero, by which `innovation` above is divided.
    image *= precision * np.float32(scale / precision.mean(dtype=np.float64))
    innovation: ComplexArray = fft.ifft2(image, overwrite_x=True)
    return innovation, contrast(brightness)
