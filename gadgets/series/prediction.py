"""Prediction of one k-space from earlier ones of its place.

Between two volumes the image is multiplied by what changes slowly over it: drifts of gain, phase and frequency,
breathing, another contrast in part. In k-space each sample then is a combination of the same and the neighbouring
samples of before, with weights that are alike in the whole middle and in all receivers. A fit that is robust against
outliers finds them: sparks are few, and do not bend it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import uniform_filter

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.local_statistics import quantile, total_power

NEIGHBOURS = tuple((line, sample) for line in (-1, 0, 1) for sample in (-1, 0, 1))
"""Lines and samples of before that a sample is predicted from, about its own place."""

# The first fit is what sparks bend; the others see less of them.
ROUNDS = 3
OUTLIER = 3.0
"""Times the median of the relative errors from which on a sample counts less in the next round."""

# Of the diagonal's mean: two earlier k-spaces that are alike leave open how their weights are shared.
RIDGE = 1e-4
MOST_ROWS = 4096
"""Samples that the weights are fitted to at most; with more the fit takes longer and gets no better."""


def predict_from_earlier(
    current: ComplexArray, valid: BoolArray, earlier: Sequence[ComplexArray]
) -> tuple[ComplexArray, FloatArray]:
    """Predict the samples of one partition from the same partition of before.

    Parameters
    ----------
    current
        Shape ``(coil, ky, kx)``; zero where not valid.
    valid
        Samples that were acquired, now and before, shape ``(ky, kx)``.
    earlier
        The same samples of before, one array of the same shape for each k-space.

    Returns
    -------
    tuple
        The prediction, shape ``(coil, ky, kx)``, and the level of the signal, as it was before and in the units of
        now, shape ``(ky, kx)``.
    """
    sources = [_moved(each, *step) for each in earlier for step in NEIGHBOURS]
    # Every ninth source, from the fifth on, is an earlier k-space itself: the step (0, 0) stands in the middle of
    # NEIGHBOURS.
    level = np.sqrt(sum(uniform_filter(total_power(each) / len(each), 3) for each in sources[4 :: len(NEIGHBOURS)]))
    # The floor keeps places in which nothing was acquired before from having all the weight, which is one over the
    # level.
    level = np.maximum(level / np.sqrt(len(earlier)), 1e-3 * level.max() + 1e-30)
    # Of all receivers together: they share the weights, so each of them gives equations for the same unknowns.
    places = np.flatnonzero(np.broadcast_to(valid, current.shape))
    places = places[:: max(1, -(-places.size // MOST_ROWS))]
    rows = np.stack([each.ravel()[places] for each in sources], axis=1)
    weight = 1 / np.broadcast_to(level, current.shape).ravel()[places]
    kernel = _robust_fit(rows, current.ravel()[places], weight)
    prediction = np.zeros_like(current)
    for value, source in zip(kernel, sources, strict=True):
        # A scalar of double precision would make every product an array of double precision under NumPy 2.
        prediction += np.complex64(value) * source
    return prediction, level


def _robust_fit(rows: ComplexArray, targets: ComplexArray, weight: FloatArray) -> ComplexArray:
    trust = weight
    kernel: ComplexArray = np.zeros(rows.shape[1], np.complex128)
    for _ in range(ROUNDS):
        weighted = rows * trust[:, None]
        # Double precision for the solution: the sources are neighbours of each other, and almost linearly dependent.
        normal = (weighted.conj().T @ weighted).astype(np.complex128)
        normal[np.diag_indices(len(normal))] += RIDGE * np.trace(normal).real / len(normal) + 1e-30
        kernel = np.linalg.solve(normal, weighted.conj().T @ (targets * trust))
        wrong = np.abs(targets - rows @ kernel) * weight
        usual = float(quantile(wrong, 0.5))
        # Weights enter the equations squared: the pull of an outlier falls with its error, where Huber's would leave it
        # constant.
        trust = weight * np.minimum(1, OUTLIER * usual / np.maximum(wrong, 1e-30))
    return kernel


def _moved(values: ComplexArray, lines: int, samples: int) -> ComplexArray:
    """Give the samples so many lines and samples away; zero beyond the border."""
    result = np.zeros_like(values)
    n_lines, n_samples = values.shape[1:]
    # Not np.roll: the other border of the middle is no neighbour.
    to = slice(max(0, -lines), n_lines - max(0, lines)), slice(max(0, -samples), n_samples - max(0, samples))
    of = slice(max(0, lines), n_lines + min(0, lines)), slice(max(0, samples), n_samples + min(0, samples))
    result[(slice(None), *to)] = values[(slice(None), *of)]
    return result
