"""How the samples of a plane follow from their neighbours: one set of weights for all of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas, cho_factor, cho_solve

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.local_statistics import mirrored_indices

NEIGHBOURS = tuple((line, sample) for line in (-2, -1, 1, 2) for sample in (-2, -1, 0, 1, 2)) + tuple(
    (0, sample) for sample in (-3, -2, -1, 1, 2, 3)
)
"""Offsets (line, sample) of the sources: two lines on either side, and the same readout on either side."""

RIDGE = 1e-3
"""Of the diagonal's mean: neighbours are alike, and samples too few to tell all their weights apart. In recorded files
the residual inside 0.1 of the radius is 1 % smaller with a tenth of it, a tenth larger with ten times as much."""


class Sources:
    """The neighbours of places in a plane, over all virtual receivers.

    Parameters
    ----------
    data
        The plane, shape ``(coil, line, sample)``.
    virtual
        Combinations of the receivers that sources are compressed to, shape ``(coil, virtual)``; None: not compressed.
    without
        Samples that count as zero, shape ``(line, sample)``; None: none.
    """

    def __init__(self, data: ComplexArray, virtual: ComplexArray | None, without: BoolArray | None = None) -> None:
        flat = data.reshape(len(data), -1)
        self.virtual = virtual
        self._shape = data.shape[1:]
        # The receivers of a sample come to lie side by side: they are collected in one piece.
        self._rows = np.ascontiguousarray(flat.T if virtual is None else flat.T @ virtual)
        self._without = None if without is None or not without.any() else without.ravel()
        if self._without is not None:
            # With a single receiver nothing was copied so far.
            self._rows = self._rows.copy() if np.may_share_memory(self._rows, data) else self._rows
            self._rows[self._without] = 0

    def targets(self, data: ComplexArray, places: IntArray) -> ComplexArray:
        """Collect the samples at places themselves, in all receivers, shape ``(place, coil)``."""
        targets: ComplexArray = np.take(data.reshape(len(data), -1), places, axis=1).T
        if self._without is not None:
            targets[self._without[places]] = 0
        return targets

    def of(self, places: IntArray) -> ComplexArray:
        """Collect the neighbours of places (indices of the flattened plane), shape ``(place, neighbour x virtual)``."""
        # From ``(place, neighbour, virtual)`` to one row of sources for each place.
        return np.take(self._rows, neighbours_of(places, self._shape), axis=0).reshape(len(places), -1)


@dataclass(frozen=True, eq=False)
class Kernel:
    """The weights that samples follow from their neighbours by.

    Attributes
    ----------
    weights
        Shape ``(neighbour x virtual, coil)``.
    virtual
        See :class:`Sources`.
    """

    weights: ComplexArray
    virtual: ComplexArray | None

    @classmethod
    def fitted_to(cls, sources: Sources, data: ComplexArray, places: IntArray, levels: FloatArray) -> Kernel:
        """Fit to some samples by least squares, each weighted by one over its level, with a little regularisation."""
        weight = (1 / levels).astype(np.float32)[:, None]
        weighted = sources.of(places)
        weighted *= weight  # in place: they are collected for this alone, and take memory
        targets = sources.targets(data, places) * weight
        # All is conjugated, which saves a copy; of the Hermitian matrix one triangle is computed and used.
        normal = blas.cherk(1.0, weighted.T)
        normal[np.diag_indices(len(normal))] += np.float32(RIDGE * np.trace(normal).real / len(normal))
        factor = cho_factor(normal, overwrite_a=True, check_finite=False)
        weights = np.asarray(cho_solve(factor, weighted.T @ targets.conj(), check_finite=False).conj())
        return cls(weights, sources.virtual)

    def at(self, places: IntArray, sources: Sources) -> ComplexArray:
        """Predict some samples by their numbers, shape ``(coil, place)``."""
        predicted: ComplexArray = (sources.of(places) @ self.weights).T
        return predicted


def neighbours_of(places: IntArray, shape: tuple[int, ...]) -> IntArray:
    """Give the neighbours of places (indices of the flattened plane), shape ``(place, neighbour)``."""
    lines, samples = _neighbour_tables(*shape)
    line, sample = np.divmod(places, shape[1])
    return np.asarray(np.take(lines, line, axis=0) + np.take(samples, sample, axis=0))


@functools.lru_cache(maxsize=16)
def _neighbour_tables(n_lines: int, n_samples: int) -> tuple[IntArray, IntArray]:
    """Give the lines, as indices of their first samples, and the samples of all neighbours; ``(…, neighbour)``."""
    # The mirror image of a single line is the line itself: no sample is to be predicted from itself.
    neighbours = [(line, sample) for line, sample in NEIGHBOURS if n_lines > 1 or line == 0]
    lines = np.stack([mirrored_indices(n_lines, line) for line, _ in neighbours], axis=1) * n_samples
    samples = np.stack([mirrored_indices(n_samples, sample) for _, sample in neighbours], axis=1)
    return lines, samples
