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

import numpy as np
from scipy import fft

from gadgets.arrays import BoolArray, ComplexArray
from gadgets.background.at_missing import AtMissing, zeros
from gadgets.background.darkness import brightness_of, contrast, precision_from, receiver_weights_of
from gadgets.background.fit import fitted, in_units, scale_of
from gadgets.background.missing_samples import missing_samples
from gadgets.background.support_prediction import SupportPrediction
from gadgets.local_statistics import power

LARGE_SHARE = 0.1  # of the energy missing: the variance then hangs on what is missing, and is put to the test
DOUBT = 1.0  # of the difference between two starts: measured on real data, less lets repairs through that do harm


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
        doubt = AtMissing.of(fit.groups, differences, zeros(missing.shape, np.float32))
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
        variance=AtMissing.of(fit.groups, fit.diagonals, zeros(missing.shape, np.float32)),
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
