"""Contrast: how much darker the image's background is than its object, with and without some of the samples."""

from __future__ import annotations

import numpy as np
from scipy import fft

from gadgets.arrays import BoolArray, ComplexArray, IntArray
from gadgets.background.darkness import brightness_of, contrast, receiver_weights_of
from gadgets.background.fit import in_units, rounds_of_fit, scale_of
from gadgets.background.missing_samples import MissingSamples, missing_samples


def contrast_without(plane: ComplexArray, missing: BoolArray, least: float, enough: float = np.inf) -> float:
    """Tell the image's contrast (see :func:`.darkness.contrast`) once the missing samples are filled.

    Parameters
    ----------
    plane, missing
        As in :func:`predict_from_support`.
    least
        Where the contrast with these samples is less than that, it counts as it is.
    enough
        Where the contrast has come to that, nobody asks how far it would come.
    """
    reached = 0.0
    recorded = in_units(plane, scale_of(plane))
    for number, fit in enumerate(rounds_of_fit(recorded, missing_samples(missing))):
        reached = contrast(fit.brightness)  # of what the round before has come to, at first of what was recorded
        if reached >= enough or (number == 0 and reached < least):
            return reached
    return _contrast_in(fit.image)


def is_outshone(plane: ComplexArray, places: IntArray, least: float) -> bool:
    """Tell whether the contrast comes to `least` once samples are taken away, one more each time.

    Parameters
    ----------
    plane
        Finite samples, shape ``(coil, ky, kx)``.
    places
        Line and sample of those to take away, in that order, shape ``(n, 2)``.
    least
        What is asked for.
    """
    scale = scale_of(plane)
    image = fft.fft2(in_units(plane, scale))
    for place in places:
        sample = MissingSamples(np.arange(len(plane)), place[None], (plane.shape[1], plane.shape[2]))
        # Its wave is taken out of the image, which saves the transform of what is left. Single precision loses a
        # background only where a sample is a million times as loud as that, which no receiver records.
        sample.add_to(image, -in_units(plane[sample.index], scale))
        if _contrast_in(image) >= least:
            return True
    return False


def _contrast_in(image: ComplexArray) -> float:
    return contrast(brightness_of(image, receiver_weights_of(image)))
