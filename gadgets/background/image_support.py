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

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.background.missing_samples import missing_samples
from gadgets.local_statistics import power, quantile
from gadgets.process import check_time

MAX_ITERATIONS = 6  # rounds at most: bounds the time of a fit that does not come to rest (see STILL)
POWER = 1.5  # of the variance: above one, it brings out the darkest parts of the image
FLOOR = 0.002  # of the median variance: keeps single dark pixels from ruling the fit
BACKGROUND_QUANTILE = 0.1  # of a receiver's power: where a tenth of an image is dark, this is its background
STILL = 0.005  # of the power of the background: as little change of the image moves no variance
AT_ONCE = 1 << 17  # pixels, of as many receivers as that makes: they stay in the cache
ENOUGH = 1 << 14  # pixels that tell how dark the background of a receiver is
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
    brightness = _brightness(image, _receiver_weights(image))
    precision = _precision_from(brightness)
    # The mean of the precision is the correlation at distance zero, by which `innovation` above is divided.
    image *= precision * np.float32(scale / precision.mean(dtype=np.float64))
    innovation: ComplexArray = fft.ifft2(image, overwrite_x=True)
    return innovation, _contrast(brightness)


def contrast_of(plane: ComplexArray) -> float:
    """Tell how much darker the image's background is than its object: ratio of the 90 % to the 10 % quantile of power.

    Parameters
    ----------
    plane
        Finite samples, shape ``(coil, ky, kx)``.
    """
    scale = float(np.abs(plane).max(initial=0.0)) or 1.0
    image = fft.fft2((plane / np.float32(scale)).astype(np.complex64))
    return _contrast(_brightness(image, _receiver_weights(image)))


def _contrast(brightness: FloatArray) -> float:
    dark, bright = (float(quantile(brightness.ravel(), share)) for share in (0.1, 0.9))
    return bright / dark if dark > 0 else 1.0


def _reweight(filled: ComplexArray, missing: BoolArray) -> SupportPrediction:
    """Estimate variance and missing samples in turn, from a first estimate of the samples, which is overwritten."""
    known_image = fft.fft2(np.where(missing, 0, filled), overwrite_x=True)
    image = known_image.copy()
    groups = missing_samples(missing)
    variance = np.zeros(missing.shape, np.float32)
    for group in groups:
        group.add_to(image, filled[group.index])
    receiver_weights = _receiver_weights(image)
    for _ in range(MAX_ITERATIONS):
        check_time()
        precision = _precision(image, receiver_weights)
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


def _receiver_weights(image: ComplexArray) -> FloatArray:
    """One over the background power of each receiver, shape ``(coil,)``; zero for a silent receiver."""
    some = np.arange(0, image.shape[1], max(1, image[0].size // ENOUGH))
    background = np.empty(len(image), np.float32)
    for coils in _few_receivers(image):
        # Smoothed first: of single pixels of noise alone, about a tenth have less than a tenth of the mean power.
        flat = _smoothed(power(image[coils]), some).reshape(len(background[coils]), -1)
        background[coils] = np.maximum(quantile(flat, BACKGROUND_QUANTILE), 1e-8 * flat.mean(axis=1))
    return np.asarray(np.divide(1, background, out=np.zeros_like(background), where=background > 0))


def _brightness(image: ComplexArray, receiver_weights: FloatArray) -> FloatArray:
    """Weighted mean power over the receivers around each pixel, shape ``(ky, kx)``."""
    weights = receiver_weights / len(image)
    total = np.zeros(image.shape[1:], np.float32)
    for coils in _few_receivers(image):
        total += np.tensordot(weights[coils], power(image[coils]), 1)
    return _smoothed(total)


def _few_receivers(image: ComplexArray) -> Iterator[slice]:
    """Take receivers by so many that their pixels stay in the cache, and take little memory."""
    step = max(1, AT_ONCE // image[0].size)
    return (slice(start, start + step) for start in range(0, len(image), step))


def precision_of(image: ComplexArray, smoothing: int = 1, power_of_variance: float = POWER) -> NDArray[np.float32]:
    """Tell how dark each pixel of an image ``(coil, y, x)`` is: inverse variance to a power, shape ``(y, x)``.

    Parameters
    ----------
    image
        Transform of a partition; its receivers are weighted by their own backgrounds.
    smoothing
        Pixels on a side over which the variance is averaged, beyond the three that it always is.
    power_of_variance
        Above one the darkest pixels count most.

    Returns
    -------
    NDArray[np.float32]
        Largest value 1.
    """
    return _precision(image, _receiver_weights(image), smoothing, power_of_variance)


def _precision(
    image: ComplexArray, receiver_weights: FloatArray, smoothing: int = 1, power_of_variance: float = POWER
) -> NDArray[np.float32]:
    return _precision_from(_brightness(image, receiver_weights), smoothing, power_of_variance)


def _precision_from(
    brightness: FloatArray, smoothing: int = 1, power_of_variance: float = POWER
) -> NDArray[np.float32]:
    variance = uniform_filter(brightness, smoothing, mode="wrap") if smoothing > 1 else brightness
    # The running sums of the filter may end below zero; the median is zero where most of an image is masked.
    variance = np.maximum(variance, 0) + FLOOR * float(quantile(variance.ravel(), 0.5)) + 1e-9 * variance.mean()
    darkest = variance.min()
    if darkest <= 0:  # an image without any signal
        return np.ones(variance.shape, np.float32)
    return np.asarray((darkest / variance) ** power_of_variance, dtype=np.float32)


def _smoothed(values: FloatArray, lines: IntArray | None = None) -> FloatArray:
    """Mean over the three pixels around each along the last two axes; images repeat beyond their borders.

    ``lines`` are those that are wanted, where not all are.
    """
    at = np.arange(values.shape[-2]) if lines is None else lines
    across = np.take(values, at - 1, axis=-2, mode="wrap")
    across += values if lines is None else np.take(values, at, axis=-2)
    across += np.take(values, at + 1, axis=-2, mode="wrap")
    total = across + np.roll(across, 1, -1)
    total += np.roll(across, -1, -1)
    return np.asarray(total / 9)
