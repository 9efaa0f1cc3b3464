"""How dark an image is, pixel by pixel: what tells its background from its object."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from gadgets.arrays import ComplexArray, FloatArray, IntArray
from gadgets.local_statistics import power, quantile

# Of the variance: above one, it brings out the darkest parts of the image. In 13 recorded files the median innovation
# inside 0.1 of the radius is 0.82 to 0.85 of the noise with 1.25 to 2, 0.87 with 1, 0.99 with 3 and 2.4 with 0.5.
POWER = 1.5
# Of the median variance: keeps single dark pixels from ruling the fit. A tenth and a hundredth of it give the same
# innovation, ten times as much 0.85 of the noise in place of 0.83, a hundred times as much 1.05.
FLOOR = 0.002
BACKGROUND_QUANTILE = 0.1  # of a receiver's power: where a tenth of an image is dark, this is its background
AT_ONCE = 1 << 17  # pixels, of as many receivers as that makes: they stay in the cache
ENOUGH = 1 << 14  # pixels that tell how dark the background of a receiver is


def contrast(brightness: FloatArray) -> float:
    """Tell how much darker an image's background is than its object: 90 % over 10 % quantile of its brightness."""
    dark, bright = (float(quantile(brightness.ravel(), share)) for share in (0.1, 0.9))
    # Zeros are no background that a receiver has heard, but what somebody has filled in.
    return bright / dark if dark > 0 else 1.0


def receiver_weights_of(image: ComplexArray) -> FloatArray:
    """One over the background power of each receiver, shape ``(coil,)``; zero for a silent receiver."""
    some = np.arange(0, image.shape[1], max(1, image[0].size // ENOUGH))
    background = np.empty(len(image), np.float32)
    for coils in few_receivers(image):
        # Smoothed first: of single pixels of noise alone, about a tenth have less than a tenth of the mean power.
        flat = _smoothed(power(image[coils]), some).reshape(len(background[coils]), -1)
        # A masked image has a background of zeros, and its receiver would outweigh all others.
        background[coils] = np.maximum(quantile(flat, BACKGROUND_QUANTILE), 1e-8 * flat.mean(axis=1))
    return np.asarray(np.divide(1, background, out=np.zeros_like(background), where=background > 0))


def brightness_of(image: ComplexArray, receiver_weights: FloatArray) -> FloatArray:
    """Weighted mean power over the receivers around each pixel, shape ``(ky, kx)``."""
    weights = receiver_weights / len(image)
    total = np.zeros(image.shape[1:], np.float32)
    for coils in few_receivers(image):
        # ``(coil,)`` times ``(coil, y, x)``, summed over the receivers.
        total += np.tensordot(weights[coils], power(image[coils]), 1)
    return _smoothed(total)


def few_receivers(image: ComplexArray) -> Iterator[slice]:
    """Take receivers by so many that their pixels stay in the cache, and take little memory."""
    step = max(1, AT_ONCE // image[0].size)
    return (slice(start, start + step) for start in range(0, len(image), step))


def precision_from(brightness: FloatArray, smoothing: int = 1, power_of_variance: float = POWER) -> NDArray[np.float32]:
    """Tell how dark each pixel of an image is: inverse variance to a power, shape ``(y, x)``.

    Parameters
    ----------
    brightness
        See :func:`brightness_of`.
    smoothing
        Pixels on a side over which the variance is averaged, beyond the three that it always is.
    power_of_variance
        Above one the darkest pixels count most.

    Returns
    -------
    NDArray[np.float32]
        Largest value 1.
    """
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
