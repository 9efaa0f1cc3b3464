"""Joint search: which samples of a plane, taken together, are not what the image's background says.

Where sparks crowd, each spoils the prediction of its neighbours, and brightens the background by which all are
predicted. So no sample is judged alone: one after the other the sample that explains most is added, its share
taken out of all others', and what the rest explains as well is dropped again (orthogonal matching pursuit, Pati
1993, doi 10.1109/ACSSC.1993.342465, with backward steps, Zhang 2011, doi 10.1109/TIT.2011.2146690). The background
is told from the object anew with every round, first with little trust in its darkest pixels: where sparks cancel
each other an image is dark as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gadgets.arrays import ComplexArray, FloatArray, IntArray
from gadgets.background.darkness import POWER, brightness_of, precision_from, receiver_weights_of
from gadgets.background.darkness import contrast as contrast_of_brightness
from gadgets.background.fit import STILL, in_units, moved_background, scale_of
from gadgets.background.joint_system import MOST, system_of
from gadgets.background.missing_samples import MissingSamples
from gadgets.process import check_time


@dataclass(frozen=True)
class _Round:
    """How the background is told from the object: pixels averaged, power of the variance, and thresholds raised by."""

    smoothing: int
    power: float
    caution: float


# Smooth at first: with a first round as sharp as the others 63 % of the sparks were found in place of 76 % (in an
# earlier form of the search, see DECISIONS.md).
ROUNDS = (_Round(9, 1.0, 1.5), _Round(1, POWER, 1.0), _Round(1, POWER, 1.0))


@dataclass(frozen=True, eq=False)
class JointlyFound:
    """What a joint search has found.

    Attributes
    ----------
    chosen
        Numbers of the candidates.
    contrast, contrast_without
        Of the plane's image (see :func:`.darkness.contrast`) without what was withheld, and without the chosen as well;
        the same number twice where none or too many were chosen.
    errors
        What was taken out of all withheld samples and all candidates, shape ``(coil, place)``; zero where not chosen.
    """

    chosen: NDArray[np.intp]
    contrast: float
    contrast_without: float
    errors: ComplexArray


def search_jointly(
    plane: ComplexArray, withheld: IntArray, candidates: IntArray, thresholds: FloatArray
) -> JointlyFound:
    """Choose the candidates that deviate from what all but the chosen samples predict.

    Parameters
    ----------
    plane
        Shape ``(coil, line, sample)``.
    withheld
        Line and sample of samples that are known to be wrong, shape ``(m, 2)``.
    candidates
        Line and sample of those that may be, shape ``(n, 2)``.
    thresholds
        Of each candidate, shape ``(n,)``: its least deviation in units of the error that predictions usually have.
    """
    scale = scale_of(plane)
    places = np.concatenate([withheld, candidates])
    recorded = in_units(plane[:, places[:, 0], places[:, 1]], scale)
    # The image of what is left is kept, and changed by what is taken out or put back: no other array of its size.
    image = fft.fft2(in_units(plane, scale))
    taken = np.where(np.arange(len(places)) < len(withheld), recorded, np.complex64(0))
    _add(image, places, -taken)
    receiver_weights = receiver_weights_of(image)
    brightness = brightness_of(image, receiver_weights)
    contrast = contrast_without = contrast_of_brightness(brightness)
    for number, each in enumerate(ROUNDS):
        check_time()
        system = system_of(image, precision_from(brightness, each.smoothing, each.power), taken, places)
        chosen = system.add(len(withheld), each.caution * thresholds)
        chosen = system.drop(chosen, len(withheld), each.caution * thresholds)
        # What the round before took out is put back: the errors are those of what was recorded.
        errors = np.zeros_like(taken)
        errors[:, chosen] = system.errors_of(chosen)
        moved, taken = taken - errors, errors
        is_still = moved_background(moved, receiver_weights) < STILL
        # The last one, or else the next is like it, of the same image.
        is_last = number + 1 == len(ROUNDS) or (is_still and each in ROUNDS[number + 1 :])
        if is_last and not 0 < len(chosen) - len(withheld) < MOST:
            break  # nobody asks what the image is like then
        _add(image, places, moved)
        receiver_weights = receiver_weights_of(image)
        brightness = brightness_of(image, receiver_weights)
        if is_last:
            contrast_without = contrast_of_brightness(brightness)
            break
    found = np.array(chosen[len(withheld) :], dtype=np.intp) - len(withheld)
    return JointlyFound(found, contrast, contrast_without, np.asarray(taken * scale))


def _add(image: ComplexArray, places: IntArray, values: ComplexArray) -> None:
    """Add samples ``(coil, place)`` to the image, in place; most of them are zero."""
    there = values.any(axis=0)
    samples = MissingSamples(np.arange(len(image)), places[there], (image.shape[1], image.shape[2]))
    samples.add_to(image, values[:, there])
