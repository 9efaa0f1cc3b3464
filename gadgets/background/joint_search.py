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
from gadgets.background.darkness import POWER, brightness_of, few_receivers, precision_from, receiver_weights_of
from gadgets.background.darkness import contrast as contrast_of_brightness
from gadgets.background.fit import STILL, in_units, moved_background, scale_of
from gadgets.background.missing_samples import MissingSamples
from gadgets.local_statistics import power, quantile
from gadgets.process import check_time

MOST = 40
"""Samples that a search may add; one that needs more has met no few sparks, but an image without a background."""

SMALLEST_SHARE = 1e-3
"""Of a sample's variance, when all that was chosen before is known: below, it cannot be told from the others."""


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
        system = _system_of(image, precision_from(brightness, each.smoothing, each.power), taken, places)
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


@dataclass(frozen=True, eq=False)
class _System:
    """The linear system of the errors of all places, in each receiver.

    Attributes
    ----------
    matrix
        What an error at one place does to the background as seen from another, shape ``(place, place)``.
    right
        The background as seen from each place, over its usual size, shape ``(coil, place)``.
    usual
        That size, shape ``(coil,)``.
    """

    matrix: NDArray[np.complex128]
    right: NDArray[np.complex128]
    usual: FloatArray

    def add(self, n_kept: int, thresholds: FloatArray) -> list[int]:
        """Add candidates to the first `n_kept` places, the most deviating first, until none exceeds its threshold."""
        added: list[int] = []
        # What is kept stays in any case: from here on there are rows and columns of the candidates alone.
        known, matrix, right = self.matrix[:n_kept], self.matrix[n_kept:, n_kept:].copy(), self.right[:, n_kept:].copy()
        smallest = SMALLEST_SHARE * self.matrix[0, 0].real
        if n_kept:
            # All at once what each of the steps below does with one place.
            share = np.linalg.solve(known[:, :n_kept], known[:, n_kept:]).conj().T
            right -= self.right[:, :n_kept] @ share.T
            matrix -= share @ known[:, n_kept:]
        while len(added) < min(MOST, len(thresholds)):
            check_time()
            variance = matrix.diagonal().real
            # The diagonal is what the chosen ones leave of each variance: this is a deviation in usual errors.
            # The largest of the receivers: a spark in a single one is lost in their mean.
            excess = np.sqrt(power(right).max(axis=0) / np.maximum(variance, smallest)) / thresholds
            excess[added] = 0
            excess[variance < smallest] = 0
            place = int(np.argmax(excess))
            if excess[place] < 1:
                break
            # What this place explains is taken out of all others (one step of elimination).
            share = matrix[:, place] / matrix[place, place]
            right -= right[:, place, None] * share
            matrix -= np.outer(share, matrix[place])
            added.append(place)
        return [*range(n_kept), *(n_kept + place for place in added)]

    def drop(self, chosen: list[int], n_kept: int, thresholds: FloatArray) -> list[int]:
        """Drop chosen candidates, the weakest first, until all that are left exceed their thresholds."""
        while len(chosen) > n_kept:
            check_time()
            # The inverse's diagonal is how uncertain each error is while those of all others are unknown as well.
            inverse = np.linalg.inv(self.matrix[np.ix_(chosen, chosen)])
            errors = power(inverse @ self.right[:, chosen].T).max(axis=1)
            deviations = np.sqrt(errors / inverse.diagonal().real)[n_kept:]
            excess = deviations / thresholds[np.array(chosen[n_kept:]) - n_kept]
            weakest = n_kept + int(np.argmin(excess))
            if excess.min() >= 1:
                break
            # One at a time: without it, the others have to explain more, and are better known.
            chosen = [*chosen[:weakest], *chosen[weakest + 1 :]]
        return chosen

    def errors_of(self, chosen: list[int]) -> ComplexArray:
        """Give the errors of chosen places, shape ``(coil, place)``."""
        errors = np.linalg.solve(self.matrix[np.ix_(chosen, chosen)], self.right[:, chosen].T).T
        return np.asarray(errors * self.usual[:, None], dtype=np.complex64)


def _system_of(image: ComplexArray, precision: NDArray[np.float32], taken: ComplexArray, places: IntArray) -> _System:
    """Set up the system by the background of the plane without the samples that are known to be wrong by now.

    `image` is that of what is left; `taken` is what was taken out, shape ``(coil, place)``.
    """
    correlation = fft.ifft2(precision.astype(np.float64))
    distance = (places[:, None] - places[None]) % np.array(correlation.shape)
    matrix = correlation[distance[..., 0], distance[..., 1]]
    usual = np.empty(len(image))
    # Of all that was recorded, wrong or not: the system says by how much each of these values is wrong.
    seen = taken @ matrix.T
    for some in few_receivers(image):
        left = fft.ifft2(precision * image[some], overwrite_x=True)
        # The median power of complex Gaussian noise is ln 2 of its mean.
        median = quantile(power(left).reshape(len(left), -1), 0.5)
        usual[some] = np.sqrt(median / (np.log(2) * correlation[0, 0].real)) + 1e-20
        seen[some] = (seen[some] + left[:, places[:, 0], places[:, 1]]) / usual[some, None]
    # The smallest of ridges: many neighbours at once can hardly be told from each other.
    matrix[np.diag_indices(len(places))] *= 1 + 1e-9
    return _System(matrix, seen, usual)
