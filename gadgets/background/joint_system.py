"""The linear system of the joint search: what samples that may be wrong together do to an image's background.

Its unknowns are the errors of all places that may be wrong. Candidates are added to it and dropped from it one by one
(:mod:`.joint_search`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gadgets.arrays import ComplexArray, FloatArray, IntArray
from gadgets.background.darkness import few_receivers
from gadgets.local_statistics import power, quantile
from gadgets.process import check_time

MOST = 40
"""Samples that a search may add; one that needs more has met no few sparks, but an image without a background."""

SMALLEST_SHARE = 1e-3
"""Of a sample's variance, when all that was chosen before is known: below, it cannot be told from the others."""


@dataclass(frozen=True, eq=False)
class JointSystem:
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


def system_of(
    image: ComplexArray, precision: NDArray[np.float32], taken: ComplexArray, places: IntArray
) -> JointSystem:
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
    return JointSystem(matrix, seen, usual)
