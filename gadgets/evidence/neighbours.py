"""What a sample should be, predicted from its neighbours over all receivers.

Each sample is a linear combination of its neighbours in k-space over all receivers (GRAPPA, Griswold 2002,
doi 10.1002/mrm.10171; SPIRiT, Lustig 2010, doi 10.1002/mrm.22428). The weights are fitted to the plane itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.evidence.kernel import NEIGHBOURS, Kernel, Sources
from gadgets.local_statistics import sorted_places
from gadgets.process import in_parallel

# Receivers as sources. The cost of a fit grows with their square. In recorded files 4 make the residual inside 0.1 of
# the radius 5 % larger; 8 make it 2 % smaller, in a fifth more time.
N_VIRTUAL = 6
MAX_FIT_SAMPLES = 6000  # half as many, here and for covariances, changed the points of 7 in 262 k-spaces
CORRELATED = 1 << 14  # samples that receivers are correlated over at a time where some are left out
BLOCK = 1024
"""Places predicted at a time: their sources stay in the cache."""


def trust_in(levels: FloatArray, noise: float) -> FloatArray:
    """Tell how far predictions at some levels count: near the noise nothing can be predicted, and they fade to zero."""
    # Cautious as to which share of the power is signal: none below twice the noise.
    return np.asarray(np.clip(1 - (2 * noise / levels) ** 2, 0, 1).astype(np.float32))


def virtual_receivers(
    data: ComplexArray, n_virtual: int = N_VIRTUAL, without: BoolArray | None = None
) -> ComplexArray | None:
    """Find the few combinations of receivers that carry the signal, shape ``(coil, virtual)``; None: all do.

    Principal components (Buehrer 2007, doi 10.1002/mrm.21237). Only sources are compressed: a spark in a single
    receiver stays whole in the sample that is judged.
    """
    if len(data) <= n_virtual:
        return None
    flat = np.ascontiguousarray(data, dtype=np.complex64).reshape(len(data), -1)
    # One triangle of the conjugate correlation, without a conjugate copy of the data.
    if without is None or not without.any():
        products = blas.cherk(1.0, flat.T, trans=2)
    else:
        products, out = np.zeros((len(data), len(data)), np.complex64, "F"), without.ravel()
        for start in range(0, flat.shape[1], CORRELATED):
            block = np.where(out[start : start + CORRELATED], np.complex64(0), flat[:, start : start + CORRELATED])
            products = blas.cherk(1.0, block.T, 1.0, products, trans=2, overwrite_c=True)
    _, vectors = np.linalg.eigh(products, UPLO="U")
    return np.asarray(vectors[:, : -n_virtual - 1 : -1])


@dataclass(frozen=True, eq=False)
class Fitted:
    """How the samples of a plane follow from their neighbours, ready to predict them.

    Attributes
    ----------
    data
        The plane.
    kernel, sources
        Weights, and what they are multiplied with; None where there is too little signal, and all predictions are zero.
    places, trust
        Samples to be predicted, and how far predictions count at all samples of the flattened plane.
    """

    data: ComplexArray
    kernel: Kernel | None
    sources: Sources | None
    places: IntArray
    trust: FloatArray

    def predict(self) -> ComplexArray:
        """Predict all samples, shape as the data."""
        # Zero where there is no trust: next to the noise nothing is predicted, and nothing computed.
        predicted, kernel, sources = np.zeros_like(self.data), self.kernel, self.sources
        if kernel is None or sources is None:
            return predicted
        flat = predicted.reshape(len(predicted), -1)

        def write(start: int) -> None:
            block = self.places[start : start + BLOCK]
            flat[:, block] = kernel.at(block, sources) * self.trust[block]

        in_parallel(write, range(0, self.places.size, BLOCK))
        return predicted


def predict(data: ComplexArray, level: FloatArray, noise: float) -> ComplexArray:
    """Predict every sample of a plane from its neighbours; shape as `data`, parameters as :func:`fit`."""
    return fit(data, level, noise).predict()


def fit(data: ComplexArray, level: FloatArray, noise: float, without: BoolArray | None = None) -> Fitted:
    """Find out how the samples of a plane follow from their neighbours.

    Parameters
    ----------
    data
        Shape ``(coil, line, sample)``.
    level
        Local magnitude, shape ``(line, sample)``: samples are weighted by its inverse, so that the loud centre
        does not outvote the rest.
    noise
        Noise level in the units of `level`.
    without
        Samples that count as zero, shape ``(line, sample)``; None: none.
    """
    levels = level.ravel()
    trust = trust_in(levels, noise)
    places = np.flatnonzero(trust)
    # From fewer, not even the weights of a single receiver would follow from four samples each.
    if places.size < 4 * len(NEIGHBOURS):
        return Fitted(data, None, None, places, trust)
    sources = Sources(data, virtual_receivers(data, without=without), without)
    chosen = places[_fit_places(levels[places])]
    return Fitted(data, Kernel.fitted_to(sources, data, chosen, levels[chosen]), sources, places, trust)


def _fit_places(level: FloatArray) -> NDArray[np.intp]:
    """Choose the samples to fit to: all if few, else the loudest half of the quota and every n-th of the rest."""
    if level.size <= MAX_FIT_SAMPLES:
        return np.arange(level.size)
    order = sorted_places(level, descending=True)
    loudest, rest = order[: MAX_FIT_SAMPLES // 2], order[MAX_FIT_SAMPLES // 2 :]
    return np.concatenate([loudest, rest[:: -(-2 * rest.size // MAX_FIT_SAMPLES)]])
