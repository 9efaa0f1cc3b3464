"""What a sample should be, predicted from its neighbours over all receivers.

Each sample is a linear combination of its neighbours in k-space over all receivers (GRAPPA, Griswold 2002,
doi 10.1002/mrm.10171; SPIRiT, Lustig 2010, doi 10.1002/mrm.22428). The weights are fitted to the plane itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gadgets.kspace import ComplexArray, FloatArray

NEIGHBOURS = tuple((line, sample) for line in (-2, -1, 1, 2) for sample in (-2, -1, 0, 1, 2)) + tuple(
    (0, sample) for sample in (-3, -2, -1, 1, 2, 3)
)
"""Offsets (line, sample) of the sources: two lines on either side, and the same readout on either side."""

N_VIRTUAL = 6
MAX_FIT_SAMPLES = 6000


def virtual_receivers(data: ComplexArray, n_virtual: int = N_VIRTUAL) -> ComplexArray:
    """Compress receivers to the few combinations that carry the signal, shape ``(virtual, line, sample)``.

    Principal components (Buehrer 2007, doi 10.1002/mrm.21237). Only sources are compressed: a spark in a single
    receiver stays whole in the sample that is judged.
    """
    n_coils = data.shape[0]
    if n_coils <= n_virtual:
        return data
    flat = data.reshape(n_coils, -1)
    _, vectors = np.linalg.eigh(flat @ flat.conj().T)
    return np.asarray((vectors[:, : -n_virtual - 1 : -1].conj().T @ flat).reshape(n_virtual, *data.shape[1:]))


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
    prediction = np.zeros_like(data)
    trust = np.clip(1 - (2 * noise / level) ** 2, 0, 1)
    lines, samples = np.nonzero(trust > 0)
    if lines.size < 4 * len(NEIGHBOURS):
        return prediction
    places = _fit_places(level[lines, samples])
    sources = _sources(virtual_receivers(data), lines, samples)
    weights = _fit(sources[places], data[:, lines[places], samples[places]].T, level[lines[places], samples[places]])
    prediction[:, lines, samples] = (sources @ weights).T * trust[lines, samples].astype(np.float32)
    return prediction


def _fit_places(level: FloatArray) -> NDArray[np.intp]:
    """Choose the samples to fit to: all if few, else the loudest half of the quota and every n-th of the rest."""
    if level.size <= MAX_FIT_SAMPLES:
        return np.arange(level.size)
    order = np.argsort(-level, kind="stable")
    loudest, rest = order[: MAX_FIT_SAMPLES // 2], order[MAX_FIT_SAMPLES // 2 :]
    return np.concatenate([loudest, rest[:: -(-2 * rest.size // MAX_FIT_SAMPLES)]])


def _sources(virtual: ComplexArray, lines: NDArray[np.intp], samples: NDArray[np.intp]) -> ComplexArray:
    """Collect the neighbours of the places, shape ``(place, neighbour x virtual)``; mirrored at the borders."""
    n_lines, n_samples = virtual.shape[1:]
    columns = []
    for line, sample in NEIGHBOURS:
        there, across = lines + line, samples + sample
        there = np.where((there < 0) | (there >= n_lines), lines - line, there)
        across = np.where((across < 0) | (across >= n_samples), samples - sample, across)
        columns.append(virtual[:, np.clip(there, 0, n_lines - 1), np.clip(across, 0, n_samples - 1)])
    return np.concatenate(columns).T


def _fit(sources: ComplexArray, targets: ComplexArray, level: FloatArray) -> ComplexArray:
    """Weighted least squares with a little Tikhonov regularisation, shape ``(neighbour x virtual, coil)``."""
    weight = (1 / level).astype(np.float32)[:, None]
    weighted = sources * weight
    normal = weighted.conj().T @ weighted
    normal += np.float32(1e-3 * np.trace(normal).real / len(normal)) * np.eye(len(normal), dtype=np.float32)
    return np.asarray(np.linalg.solve(normal, weighted.conj().T @ (targets * weight)))
