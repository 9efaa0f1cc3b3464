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

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.background.darkness import brightness_of, contrast, precision_from, precision_with, receiver_weights_of
from gadgets.background.missing_samples import missing_samples
from gadgets.local_statistics import power
from gadgets.process import check_time

MAX_ITERATIONS = 6  # rounds at most: bounds the time of a fit that does not come to rest (see STILL)
STILL = 0.005  # of the power of the background: as little change of the image moves no variance
SMALLEST_PEAK, LARGEST_PEAK = 1e-6, 1e12  # between which a plane needs no other units
LARGE_SHARE = 0.1  # of the energy missing: the variance then hangs on what is missing, and is put to the test
DOUBT = 1.0  # of the difference between two starts: measured on real data, less lets repairs through that do harm


@dataclass(frozen=True, eq=False)
class SupportPrediction:
    """A partition with its missing samples filled, and what its background says about all the others.

    Attributes
    ----------
    filled
        Samples, shape ``(coil, ky, kx)``; those that were missing have their predicted values.
    weighted
        Samples of the image divided by its variance, shape ``(coil, ky, kx)``; zero at the missing ones. Divided
        by ``correlation[0, 0]`` it is every sample minus its prediction from all others.
    correlation
        Matrix element of the system between two samples, by their distance, shape ``(ky, kx)``.
    variance
        Diagonal of the system's inverse at the missing samples, shape ``(coil, ky, kx)``: how uncertain each is, in
        common units, because it and the others are missing. Zero where nothing is missing, and where too much is
        for it to be known.
    doubt
        How far the missing samples hang on the first estimate of the variance, shape ``(coil, ky, kx)``.
    """

    filled: ComplexArray
    weighted: ComplexArray
    correlation: NDArray[np.complex128]
    variance: NDArray[np.float32]
    doubt: FloatArray

    @property
    def innovation(self) -> ComplexArray:
        """Every sample minus its prediction from all other samples, shape ``(coil, ky, kx)``."""
        innovation: ComplexArray = self.weighted / np.float32(self.correlation[0, 0].real)
        return innovation

    def relative_variance_at(self, place: Any = ...) -> FloatArray:  # noqa: ANN401 - the type of an index has no name
        """Variance of missing samples over that of a single one, at an index of ``(coil, ky, kx)``; zero elsewhere."""
        relative: FloatArray = self.variance[place] * np.float32(self.correlation[0, 0].real)
        return relative

    def burst_resolution(self, length: int) -> NDArray[np.complex128]:
        """Matrix that turns ``weighted`` at consecutive samples into their errors when all are left out together."""
        steps = np.subtract.outer(np.arange(length), np.arange(length))
        inverse: NDArray[np.complex128] = np.linalg.inv(self.correlation[0, steps % self.correlation.shape[1]])
        return inverse


def predict_from_support(plane: ComplexArray, missing: BoolArray) -> SupportPrediction:
    """Fill the missing samples of one partition so that the image's background is as dark as it can be.

    The recorded values of missing samples serve once, for the first estimate of the variance: a spark raises it
    everywhere by about the same amount, which shifts the weights less than a hole in the centre of k-space does.

    Parameters
    ----------
    plane
        Finite samples, shape ``(coil, ky, kx)``; zero where nothing was sampled.
    missing
        Samples to be predicted, shape ``(coil, ky, kx)``.
    """
    scale = _scale_of(plane)
    # A copy in any case: the fit overwrites what it starts from.
    start: ComplexArray = (plane / scale).astype(np.complex64) if scale != 1 else plane.astype(np.complex64)
    prediction = _reweight(start, missing)
    doubt = prediction.doubt
    total = float(np.vdot(prediction.filled, prediction.filled).real)
    # Of the predicted values: a spark that was recorded loud does not mean that much of the image is missing.
    if np.sum(power(prediction.filled[missing])) > LARGE_SHARE * total:
        # A second start, with holes in place of what was recorded: where both end alike, the start decided nothing.
        without = _reweight(np.where(missing, 0, plane / scale).astype(np.complex64, copy=False), missing).filled
        doubt = DOUBT * scale * np.abs(prediction.filled - without)
    if scale != 1:
        # Correlation and variance hold in any units: the precision's largest value is 1.
        for values in (prediction.filled, prediction.weighted):
            np.multiply(values, scale, out=values)
    return replace(prediction, doubt=doubt)


def _scale_of(plane: ComplexArray) -> np.float32:
    """Give what a plane has to be divided by for its squares to stay in single precision; 1 for ordinary data."""
    parts = np.ascontiguousarray(plane).view(plane.real.dtype)
    peak = np.float32(max(parts.max(initial=0.0), -parts.min(initial=0.0)))
    return np.float32(1) if peak == 0 or SMALLEST_PEAK < peak < LARGEST_PEAK else peak


def innovation_of(plane: ComplexArray, scale: float = 1.0) -> tuple[ComplexArray, float]:
    """Every sample minus its prediction from all other samples, where none is missing; shape ``(coil, ky, kx)``.

    The second is the image's contrast, see :func:`contrast_of`.

    Two transforms instead of the many of :func:`predict_from_support`, which gives the same. The result is in units
    in which the samples are `scale` times as large.
    """
    image = fft.fft2(plane)
    brightness = brightness_of(image, receiver_weights_of(image))
    precision = precision_from(brightness)
    # The mean of the precision is the correlation at distance zero, by which `innovation` above is divided.
    image *= precision * np.float32(scale / precision.mean(dtype=np.float64))
    innovation: ComplexArray = fft.ifft2(image, overwrite_x=True)
    return innovation, contrast(brightness)


def _reweight(filled: ComplexArray, missing: BoolArray) -> SupportPrediction:
    """Estimate variance and missing samples in turn, from a first estimate of the samples, which is overwritten."""
    known_image = fft.fft2(np.where(missing, 0, filled), overwrite_x=True)
    image = known_image.copy()
    groups = missing_samples(missing)
    variance = np.zeros(missing.shape, np.float32)
    for group in groups:
        group.add_to(image, filled[group.index])
    receiver_weights = receiver_weights_of(image)
    for _ in range(MAX_ITERATIONS):
        check_time()
        precision = precision_with(image, receiver_weights)
        correlation = fft.ifft2(precision.astype(np.float64))  # double: samples side by side are nearly one unknown
        change = 0.0
        for group in groups:
            # The solution is what the known samples leave in the background; minus that, the missing ones cancel it.
            solution, diagonal = group.solve(correlation, group.samples_of(known_image, precision), precision)
            moved = -solution - filled[group.index]
            # The transform is not normalised: a sample's energy is just the power that it adds to a pixel on average.
            energy = np.sum(power(moved), axis=1)
            change += float(np.sum(receiver_weights[group.coils] * energy)) / len(image)
            filled[group.index] = -solution
            variance[group.index] = diagonal
            group.add_to(image, moved)  # by its change alone: no copy of all that is known
        if change < STILL:
            break
    del known_image
    for receiver in image:  # one at a time, in place: all others' samples take memory enough
        receiver[:] = fft.ifft2(precision * receiver, overwrite_x=True)
    image[missing] = 0  # as the minimum has it, but for errors of the solution
    no_doubt: FloatArray = np.broadcast_to(np.float32(0), missing.shape)
    return SupportPrediction(filled, image, correlation, variance, no_doubt)
