"""Contrast: how much darker the image's background is than its object, with and without some of the samples."""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy import fft

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
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
    reached: list[float] = []

    def is_known() -> bool:
        return reached[-1] >= enough or reached[0] < least

    def is_enough(brightness: FloatArray) -> bool:
        reached.append(contrast(brightness))
        return is_known()

    recorded = in_units(plane, scale_of(plane))
    last = deque(rounds_of_fit(recorded, missing_samples(missing), is_enough=is_enough), maxlen=1)
    return reached[-1] if is_known() else _contrast_in(last[0].image)


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
