"""Small k-spaces for the benchmark's tests: smooth signal in the centre, noise everywhere."""

from __future__ import annotations

import numpy as np

from gadgets.indices import Indices
from gadgets.kspace.kspace import KSpace


def make_kspace(seed=0, n_coils=3, shape=(1, 24, 32), missing_lines=(), first_column=0, noise=1.0, signal=400.0):
    """Build a k-space; ``missing_lines`` are not sampled, nor is what lies left of ``first_column``."""
    rng = np.random.default_rng(seed)
    axes = [np.arange(n) - n // 2 for n in shape]
    radius = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    phases = np.exp(2j * np.pi * rng.random((n_coils, 1, 1, 1)))
    white = rng.normal(size=(n_coils, *shape)) + 1j * rng.normal(size=(n_coils, *shape))
    data = (signal * phases / (1 + radius) ** 2 + noise * white / np.sqrt(2)).astype(np.complex64)
    sampled = np.ones(shape, dtype=bool)
    sampled[:, list(missing_lines)] = False
    sampled[..., :first_column] = False
    data[:, ~sampled] = 0
    counter = np.arange(1, shape[0] * shape[1] + 1).reshape(shape[:2])
    reverse = np.zeros(shape[:2], dtype=bool)
    return KSpace(data, sampled, Indices(), counter, 4 * counter, reverse, tuple(n // 2 for n in shape))
