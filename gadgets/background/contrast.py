"""Contrast: how much darker the image's background is than its object, with and without some of the samples."""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy import fft

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.background.darkness import brightness_of, contrast, receiver_weights_of
from gadgets.background.fit import filled_image, in_units, rounds_of_fit, scale_of
from gadgets.background.missing_samples import MissingSamples, missing_samples


def contrast_without(
    plane: ComplexArray, missing: BoolArray, absent: BoolArray | None, least: float, enough: float = np.inf
) -> float:
    """Tell the image's contrast (see :func:`.darkness.contrast`) once the missing samples are filled.

    Parameters
    ----------
    plane, missing
        As in :func:`predict_from_support`.
    absent
        Samples that count as zero whatever they are, shape ``(ky, kx)``; None: there are none.
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

    recorded = in_units(plane, _scale_of_others(plane, absent))
    last = deque(rounds_of_fit(recorded, missing_samples(missing), is_enough=is_enough, absent=absent), maxlen=1)
    return reached[-1] if is_known() else _contrast_in(last[0].image)


def is_outshone(plane: ComplexArray, places: IntArray, absent: BoolArray | None, least: float) -> bool:
    """Tell whether the contrast comes to `least` once samples are taken away, one more each time.

    Parameters
    ----------
    plane
        Finite samples, shape ``(coil, ky, kx)``.
    places
        Line and sample of those to take away, in that order, shape ``(n, 2)``.
    absent
        As in :func:`contrast_without`; none of `places` is among them.
    least
        What is asked for.
    """
    scale = _scale_of_others(plane, absent)
    recorded = in_units(plane, scale)
    image = fft.fft2(recorded) if absent is None else filled_image(recorded, absent=absent)
    for place in places:
        sample = MissingSamples(np.arange(len(plane)), place[None], (plane.shape[1], plane.shape[2]))
        # Its wave is taken out of the image, which saves the transform of what is left. Single precision loses a
        # background only where a sample is a million times as loud as that, which no receiver records.
        sample.add_to(image, -in_units(plane[sample.index], scale))
        if _contrast_in(image) >= least:
            return True
    return False


def _scale_of_others(plane: ComplexArray, absent: BoolArray | None) -> np.float32:
    # Receiver by receiver: a copy of the plane would be one more array of its size, and leave a hole of an odd one.
    return scale_of(plane) if absent is None else scale_of(*(coil[~absent] for coil in plane))


def _contrast_in(image: ComplexArray) -> float:
    return contrast(brightness_of(image, receiver_weights_of(image)))
