"""What a sample should be, predicted from its neighbours over all receivers.

Each sample is a linear combination of its neighbours in k-space over all receivers (GRAPPA, Griswold 2002,
doi 10.1002/mrm.10171; SPIRiT, Lustig 2010, doi 10.1002/mrm.22428). The weights are fitted to the plane itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, cho_factor, cho_solve

from gadgets.arrays import ComplexArray, FloatArray, IntArray
from gadgets.local_statistics import mirrored_indices, sorted_places

NEIGHBOURS = tuple((line, sample) for line in (-2, -1, 1, 2) for sample in (-2, -1, 0, 1, 2)) + tuple(
    (0, sample) for sample in (-3, -2, -1, 1, 2, 3)
)
"""Offsets (line, sample) of the sources: two lines on either side, and the same readout on either side."""

N_VIRTUAL = 6  # receivers as sources: the cost of a fit grows with their square
MAX_FIT_SAMPLES = 6000  # half as many, here and for covariances, changed the points of 7 in 262 k-spaces
BLOCK = 1024
"""Places predicted at a time: their sources stay in the cache."""


def virtual_receivers(data: ComplexArray, n_virtual: int = N_VIRTUAL) -> ComplexArray:
    """Compress receivers to the few combinations that carry the signal, shape ``(virtual, line, sample)``.

    Principal components (Buehrer 2007, doi 10.1002/mrm.21237). Only sources are compressed: a spark in a single
    receiver stays whole in the sample that is judged.
    """
    n_coils = data.shape[0]
    if n_coils <= n_virtual:
        return data
    flat = np.ascontiguousarray(data, dtype=np.complex64).reshape(n_coils, -1)
    # One triangle of the conjugate correlation, without a conjugate copy of the data.
    _, vectors = np.linalg.eigh(blas.cherk(1.0, flat.T, trans=2), UPLO="U")
    # The receivers of a sample come to lie side by side, as the neighbours are collected.
    rows = flat.T @ vectors[:, : -n_virtual - 1 : -1]
    return np.asarray(rows.T.reshape(n_virtual, *data.shape[1:]))


def predict(data: ComplexArray, level: FloatArray, noise: float) -> ComplexArray:
    """Predict every sample of a plane from its neighbours.

    Where the local level is near the noise nothing can be predicted, and the prediction fades to zero.

    Parameters
    ----------
    data
        Shape ``(coil, line, sample)``.
    level
        Local magnitude, shape ``(line, sample)``: samples are weighted by its inverse, so that the loud centre
        does not outvote the rest.
    noise
        Noise level in the units of `level`.
    """
    flat, levels = data.reshape(len(data), -1), level.ravel()
    # Cautious as to which share of the power is signal: none below twice the noise.
    trust = np.clip(1 - (2 * noise / levels) ** 2, 0, 1).astype(np.float32)
    places = np.flatnonzero(trust)
    if places.size < 4 * len(NEIGHBOURS):
        return np.zeros_like(data)
    sources = _Sources(virtual_receivers(data))
    fitted = places[_fit_places(levels[places])]
    weights = _fit(sources.of(fitted), np.take(flat, fitted, axis=1).T, levels[fitted])
    prediction = np.zeros_like(flat)
    for start in range(0, places.size, BLOCK):
        block = places[start : start + BLOCK]
        prediction[:, block] = (sources.of(block) @ weights).T * trust[block]
    return prediction.reshape(data.shape)


def _fit_places(level: FloatArray) -> NDArray[np.intp]:
    """Choose the samples to fit to: all if few, else the loudest half of the quota and every n-th of the rest."""
    if level.size <= MAX_FIT_SAMPLES:
        return np.arange(level.size)
    order = sorted_places(level, descending=True)
    loudest, rest = order[: MAX_FIT_SAMPLES // 2], order[MAX_FIT_SAMPLES // 2 :]
    return np.concatenate([loudest, rest[:: -(-2 * rest.size // MAX_FIT_SAMPLES)]])


class _Sources:
    """The neighbours of places in a plane, over all virtual receivers ``(virtual, line, sample)``."""

    def __init__(self, virtual: ComplexArray) -> None:
        n_virtual, n_lines, self._n_samples = virtual.shape
        # The receivers of a sample side by side: they are collected in one piece.
        self._rows = np.ascontiguousarray(virtual.reshape(n_virtual, -1).T)
        # The mirror image of a single line is the line itself: no sample is to be predicted from itself.
        neighbours = [(line, sample) for line, sample in NEIGHBOURS if n_lines > 1 or line == 0]
        lines = [mirrored_indices(n_lines, line) for line, _ in neighbours]
        samples = [mirrored_indices(self._n_samples, sample) for _, sample in neighbours]
        self._lines, self._samples = np.stack(lines, axis=1) * self._n_samples, np.stack(samples, axis=1)

    def of(self, places: IntArray) -> ComplexArray:
        """Collect the neighbours of places (indices of the flattened plane), shape ``(place, neighbour x virtual)``."""
        line, sample = np.divmod(places, self._n_samples)
        neighbours = np.take(self._lines, line, axis=0) + np.take(self._samples, sample, axis=0)
        return np.take(self._rows, neighbours, axis=0).reshape(len(places), -1)


def _fit(sources: ComplexArray, targets: ComplexArray, level: FloatArray) -> ComplexArray:
    """Weighted least squares with a little Tikhonov regularisation, shape ``(neighbour x virtual, coil)``."""
    weight = (1 / level).astype(np.float32)[:, None]
    weighted = np.multiply(sources, weight, out=sources)  # they are collected for this alone, and take memory
    # All is conjugated, which saves a copy; of the Hermitian matrix one triangle is computed and used.
    normal = blas.cherk(1.0, weighted.T)
    normal[np.diag_indices(len(normal))] += np.float32(1e-3 * np.trace(normal).real / len(normal))
    factor = cho_factor(normal, overwrite_a=True, check_finite=False)
    return np.asarray(cho_solve(factor, weighted.T @ (targets * weight).conj(), check_finite=False).conj())
