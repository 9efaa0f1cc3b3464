"""A partition with its missing samples filled by the background of its image, and what that says of all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.background.at_missing import AtMissing, zeros
from gadgets.background.fit import change_of, filled_with, fitted, in_units, scale_of
from gadgets.background.missing_samples import MissingSamples, missing_samples

# Of the background's power: withheld samples that move it by more have all fitted anew. Ten times what ends a fit
# (STILL), as only errors are measured on them.
MOVED = 0.05


@dataclass(frozen=True, eq=False)
class SupportPrediction:
    """A partition with its missing samples filled, and what its background says about all the others.

    Attributes
    ----------
    plane
        The partition as recorded, shape ``(coil, ky, kx)``.
    groups, values
        The missing samples, and what is predicted there, each of shape ``(coil, sample)``.
    weighted
        Samples of the image divided by its variance, shape ``(coil, ky, kx)``; zero at the missing ones. Divided
        by ``correlation[0, 0]`` it is every sample minus its prediction from all others.
    precision
        One over the variance, shape ``(y, x)``; largest value 1.
    correlation
        Matrix element of the system between two samples, by their distance, shape ``(ky, kx)``.
    variance
        Diagonal of the system's inverse at the missing samples: how uncertain each is, in common units, because it
        and the others are missing. Zero where too much is missing for it to be known.
    doubt
        How far the missing samples hang on the first estimate of the variance; None: not at all.
    receiver_weights
        One over the background power of each receiver, shape ``(coil,)``.
    """

    plane: ComplexArray
    groups: Sequence[MissingSamples]
    values: Sequence[ComplexArray]
    weighted: ComplexArray
    precision: NDArray[np.float32]
    correlation: NDArray[np.complex128]
    variance: AtMissing
    doubt: AtMissing | None
    receiver_weights: FloatArray

    @property
    def innovation(self) -> ComplexArray:
        """Every sample minus its prediction from all other samples, shape ``(coil, ky, kx)``."""
        innovation: ComplexArray = self.weighted / np.float32(self.correlation[0, 0].real)
        return innovation

    @cached_property
    def predicted(self) -> AtMissing:
        """What is predicted at the missing samples; what was recorded there in receivers that do not miss them."""
        return AtMissing.of(self.groups, self.values, self.plane)

    @property
    def filled(self) -> ComplexArray:
        """Samples, shape ``(coil, ky, kx)``; those that were missing have their predicted values. A copy."""
        return filled_with(self.plane, self.groups, self.values)

    def burst_resolution(self, length: int) -> NDArray[np.complex128]:
        """Matrix that turns ``weighted`` at consecutive samples into their errors when all are left out together."""
        steps = np.subtract.outer(np.arange(length), np.arange(length))
        inverse: NDArray[np.complex128] = np.linalg.inv(self.correlation[0, steps % self.correlation.shape[1]])
        return inverse

    def given(self, line: int, start: int, length: int, places: IntArray, known: ComplexArray) -> ComplexArray:
        """Predict consecutive missing samples as if other missing ones were known, shape ``(coil, sample)``.

        Parameters
        ----------
        line, start, length
            The samples.
        places, known
            Line and sample of the others, shape ``(n, 2)``, and their values, shape ``(coil, n)``.
        """
        samples = np.arange(start, start + length)
        across, along = line - places[:, 0], samples[:, None] - places[:, 1]
        coupling = self.correlation[across % self.correlation.shape[0], along % self.correlation.shape[1]]
        number: IntArray = self.predicted.number
        predicted = self.predicted.values.astype(np.complex64, copy=False)
        # At the minimum the burst's own shift times its part of the system cancels what the others are off times the
        # coupling: hence the minus below.
        off = known - predicted[:, number[places[:, 0], places[:, 1]]]
        shift = off @ (self.burst_resolution(length) @ coupling).T
        return np.asarray(predicted[:, number[line, samples]] - shift)

    def without(self, missing: BoolArray) -> AtMissing:
        """Predict once more, with other samples missing as well.

        The weights stay as they are, which takes no transform but only the solution of the system; unless that moves
        the background by more than :data:`MOVED`. Then all is fitted anew, from what is filled.

        Parameters
        ----------
        missing
            All that was missing and what is withheld, shape ``(coil, ky, kx)``.

        Returns
        -------
        AtMissing
            What is predicted minus what was there, over its expected size: what is withheld makes the task harder than
            it is.
        """
        groups = missing_samples(missing)
        solved = [group.solve(self.correlation, self.weighted[group.index], self.precision) for group in groups]
        moved = [-solution for solution, _ in solved]
        diagonals = [group.uncertainty(factor) for group, (_, factor) in zip(groups, solved, strict=True)]
        if change_of(groups, moved, self.receiver_weights) > MOVED:
            filled = self.filled
            scale = scale_of(filled)
            # Where the first solution has come to: another round of it needs not be made.
            begun = [(filled[group.index] + more) / scale for group, more in zip(groups, moved, strict=True)]
            fit = fitted(in_units(filled, scale), groups, begun)
            pairs = zip(groups, fit.values, strict=True)
            moved, diagonals = [scale * values - filled[group.index] for group, values in pairs], fit.diagonals
        # The precision has the largest value 1, not the variance: in this unit a sample that is missing alone has 1.
        unit = float(self.correlation[0, 0].real)
        expected = [np.sqrt(np.where(each > 0, each * unit, 1)) for each in diagonals]
        wrong = [each / size for each, size in zip(moved, expected, strict=True)]
        return AtMissing.of(groups, wrong, zeros(self.plane.shape, np.complex64))
