"""Noise of a k-space: what its receivers hear at the ends of the readouts."""

from __future__ import annotations

import numpy as np

from gadgets.arrays import FloatArray
from gadgets.kspace import KSpace
from gadgets.local_statistics import ENDS, LOUD_SIDE, MEDIAN_OF_NOISE, quantile


def noise_of(kspace: KSpace, partition: int) -> FloatArray:
    """Give the noise of each receiver, as a complex standard deviation, shape ``(coil,)``; zero where it is silent."""
    sampled = kspace.sampled[partition]
    lines, samples = np.flatnonzero(sampled.any(axis=1)), np.flatnonzero(sampled.any(axis=0))
    ends = [
        np.abs(kspace.data[:, partition][:, lines[:, None], end]).reshape(len(kspace.data), -1)
        for end in (samples[:ENDS], samples[-ENDS:])
    ]
    medians = [quantile(end, 0.5) for end in ends]  # a few sparks among them raise no median
    usual = quantile(np.concatenate(ends, axis=1), 0.5)
    quieter = np.minimum(*medians)
    is_loud = (quieter > 0) & (usual > LOUD_SIDE * quieter)
    return np.asarray(np.where(is_loud, quieter, usual) / MEDIAN_OF_NOISE)
