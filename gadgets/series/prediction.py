"""Prediction of one k-space from earlier ones of its place.

Between two volumes the image is multiplied by what changes slowly over it: drifts of gain, phase and frequency,
breathing, another contrast in part. In k-space each sample then is a combination of the same and the neighbouring
samples of before, with weights that are alike in the whole middle and in all receivers. A fit that is robust against
outliers finds them: sparks are few, and do not bend it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft
from scipy.linalg import blas, lapack
from scipy.ndimage import uniform_filter

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.local_statistics import quantile, total_power

REACH = 2
"""Lines and samples on either side of its own place that a sample is predicted from. With 1 the error inside 0.1 of the
radius was a tenth larger in repetitions, and half as large again in diffusion weighting."""

NEIGHBOURS = tuple((line, sample) for line in range(-REACH, REACH + 1) for sample in range(-REACH, REACH + 1))

MOST_ROUNDS, AT_REST = 8, 0.95
"""Rounds of a fit at most, and the share of the errors' median from which on another one is not worth its time. The
first fit is what sparks bend; the others see less of them. Without sparks the second one is the last. With 27 samples
hit near the centre the median went from 5.9 to 0.8 in four rounds, and three left 2.6 times what is usual."""

OUTLIER = 3.0
"""Times the median of the errors, each over its expected size, from which on a sample counts less in the next round."""

RELATIVE = 0.015
"""Share of the signal that a prediction gets wrong beside the noise: patients and receivers are never quite still. It
keeps the loudest few samples from deciding alone. Were errors taken to grow with the signal everywhere, the noise far
out would decide, and the error inside 0.1 of the radius be 1.6 (repetitions) to 2.3 times (inversion) as large."""

# Of the diagonal's mean: two earlier k-spaces that are alike leave open how their weights are shared.
RIDGE = 1e-4
MOST_ROWS = 1024
"""Samples that the weights are fitted to at most: half of them the loudest ones, which tell most. Four times as many,
taken evenly, made errors as large in three times the time."""

FEWEST_OF_A_KIND = 200
"""Samples of readouts of one direction from which on they have weights of their own."""


class Prediction:
    """What earlier k-spaces say of one partition; at the border of the middle, where neighbours are cut off, nothing.

    Parameters
    ----------
    current
        Shape ``(coil, ky, kx)``; zero where not valid.
    valid
        Samples that were acquired, now and before, shape ``(ky, kx)``.
    earlier
        The same samples of before, one array of the same shape for each k-space.
    noise
        Of each receiver, as a complex standard deviation, shape ``(coil,)``.
    turned
        Lines that were acquired from right to left, shape ``(ky,)``.
    """

    def __init__(
        self,
        current: ComplexArray,
        valid: BoolArray,
        earlier: Sequence[ComplexArray],
        noise: FloatArray,
        turned: BoolArray,
    ) -> None:
        # The floor keeps places in which nothing was acquired before from having all the weight.
        level = np.sqrt(sum(uniform_filter(total_power(each) / len(each), 3) for each in earlier))
        level = np.maximum(level / np.sqrt(len(earlier)), 1e-3 * level.max() + 1e-30)
        self.expected = np.sqrt((RELATIVE * level) ** 2 + noise[:, None, None] ** 2).astype(np.float32)
        """Error to be expected of what all say together, as a complex standard deviation, shape ``(coil, ky, kx)``."""
        # Of all receivers together: they share the weights, so each of them gives equations for the same unknowns.
        self._spectra = [fft.fft2(each) for each in earlier]
        self._kinds = _kinds(valid, turned)
        weights = []
        for lines in self._kinds:
            there = np.broadcast_to(valid & lines[:, None], current.shape)
            places = _telling(there, level, MOST_ROWS // len(self._kinds))
            rows = np.concatenate([_neighbours(each, places) for each in earlier], axis=1)
            weights.append(robust_fit(rows, current.ravel()[places], 1 / self.expected.ravel()[places], len(earlier)))
        # Of all kinds of lines, of all earlier k-spaces together and of each alone: one transform for all of them.
        responses = np.zeros((len(weights), 2, len(earlier), *valid.shape), np.complex64)
        responses[(..., *-np.array(NEIGHBOURS).T)] = weights
        self._responses = fft.fft2(responses, overwrite_x=True)

    def together(self) -> ComplexArray:
        """Predict from all earlier k-spaces, shape ``(coil, ky, kx)``."""
        return self._seen(self._spectra, self._responses[:, 0])

    def alone(self, number: int, instead: ComplexArray | None = None) -> ComplexArray:
        """Predict from one of them, or from other samples in its place, shape ``(coil, ky, kx)``."""
        spectrum = self._spectra[number] if instead is None else fft.fft2(instead)
        return self._seen([spectrum], self._responses[:, 1, [number]])

    def _seen(self, spectra: Sequence[ComplexArray], responses: ComplexArray) -> ComplexArray:
        """Weigh the neighbours of all samples: a product of spectra, as weights are alike everywhere."""
        predicted = np.empty_like(spectra[0])
        for lines, response in zip(self._kinds, responses, strict=True):
            total = spectra[0] * response[0]
            for spectrum, each in zip(spectra[1:], response[1:], strict=True):
                total += spectrum * each
            predicted[:, lines] = fft.ifft2(total, overwrite_x=True)[:, lines]
        return predicted


def _kinds(valid: BoolArray, turned: BoolArray) -> list[BoolArray]:
    """Give the lines that have weights in common, each of shape ``(ky,)``.

    In EPI every other readout runs backwards, with delays and phases of its own, and its neighbours do not.
    """
    kinds = [turned, ~turned]
    have_own = all(np.count_nonzero(valid[kind]) >= FEWEST_OF_A_KIND for kind in kinds)
    return kinds if have_own else [np.ones(len(valid), bool)]


def _telling(valid: BoolArray, level: FloatArray, most: int) -> IntArray:
    """Choose the samples that weights are fitted to, as numbers in the flattened array ``(coil, ky, kx)``."""
    places = np.flatnonzero(valid)
    if places.size <= most:
        return places
    n_loud = most // 2
    order = np.argpartition(np.broadcast_to(level, valid.shape).ravel()[places], -n_loud)
    # In the order in which they lie: every so many of them are spread over all lines and receivers.
    others = np.sort(order[:-n_loud])
    return np.concatenate([places[order[-n_loud:]], places[others[:: -(-others.size // n_loud)]]])


def _neighbours(values: ComplexArray, places: IntArray) -> ComplexArray:
    """Collect the neighbours of places (numbers in the flattened array), shape ``(place, neighbour)``."""
    n_samples = values.shape[-1]
    steps = np.array([line * n_samples + sample for line, sample in NEIGHBOURS])
    neighbours: ComplexArray = np.take(values.ravel(), places[:, None] + steps)
    return neighbours


def robust_fit(
    rows: ComplexArray, targets: ComplexArray, weight: FloatArray, n_earlier: int
) -> tuple[ComplexArray, ComplexArray]:
    """Give the weights of all earlier k-spaces together and of each alone, shapes ``(earlier, neighbour)``."""
    trust, usual = weight, np.inf
    for _ in range(MOST_ROUNDS):
        weighted = rows * trust[:, None].astype(np.float32)
        # Double precision for the solution: the sources are neighbours of each other, and almost linearly dependent.
        # Of the Hermitian matrix one triangle is computed and used; conjugated, which saves a copy.
        normal = blas.cherk(1.0, weighted.T).astype(np.complex128)
        normal.flat[:: len(normal) + 1] += RIDGE * np.trace(normal).real / len(normal) + 1e-30
        right = weighted.T @ (targets * trust).conj()
        kernel = _solved(normal, right)
        wrong = np.abs(targets - rows @ kernel.astype(np.complex64)) * weight
        before, usual = usual, float(quantile(wrong, 0.5))
        if usual >= AT_REST * before:
            break
        # Weights enter the equations squared: the pull of an outlier falls with its error, where Huber's would leave
        # it constant.
        trust = weight * np.minimum(1, OUTLIER * usual / np.maximum(wrong, 1e-30))
    each = np.split(np.arange(len(kernel)), n_earlier)
    # What all samples together have shown to be outliers are outliers for each earlier k-space, too.
    alone = [_solved(normal[np.ix_(part, part)], right[part]) for part in each]
    return kernel.reshape(n_earlier, -1), np.array(alone)


def _solved(normal: ComplexArray, right: ComplexArray) -> ComplexArray:
    """Solve normal equations, conjugated, of which the upper triangle is given; raises LinAlgError for NaN."""
    _, solution, failed = lapack.zposv(normal, right)
    if failed:
        raise np.linalg.LinAlgError(f"expected a system with a Cholesky factor, found none of order {failed}")
    return np.asarray(solution.conj())
