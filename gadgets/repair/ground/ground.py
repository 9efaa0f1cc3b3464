"""The ground of one partition: what is known there around its flagged samples, for all its bursts together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.background import AtMissing, SupportPrediction, predict_from_support
from gadgets.local_statistics import MEDIAN_OF_NOISE, quantile, step_through
from gadgets.repair.bursts import Burst, Surroundings
from gadgets.repair.ground.errors_nearby import NEARBY, errors_around, shape_error
from gadgets.repair.ground.together import Together

LOUD = 3.0  # signal over the usual error: below, there is nothing to predict and nothing to rehearse
OBVIOUS = 12.0  # times what is around and what is predicted
ENOUGH = 1 << 14  # samples of a receiver that tell what is usual in it


class Ground:
    """What is known of one partition.

    Parameters are those of :class:`.groundwork.Groundwork`, for this partition.
    """

    def __init__(
        self, around: Surroundings, partition: int, bursts: Sequence[Burst], levels: FloatArray | None = None
    ) -> None:
        self._data = around.data[:, partition]
        self._missing, self._clean = around.missing[:, partition], around.clean[:, partition]
        self._resolution: dict[int, NDArray[np.complex128]] = {}
        self._known_levels = levels
        self.row = Together(bursts)

    @cached_property
    def support(self) -> SupportPrediction:
        """The partition with its missing samples filled by the background of its image; this costs most of all."""
        row, worthless = self.row, np.zeros(self._missing.shape, bool)
        # What stands so far out of its surroundings that zero is nearer to what belongs there.
        worthless[row.coils, row.lines, row.samples] = np.abs(row.of(self._data)) > OBVIOUS * self.levels
        return predict_from_support(self._data, self._missing, worthless if worthless.any() else None)

    @cached_property
    def predicted(self) -> ComplexArray:
        """What the background tells of the bursts, as a row."""
        return self.at_missing(self.support.predicted)

    @cached_property
    def levels(self) -> FloatArray:
        """How loud it is around the bursts: root mean square of the samples, as a row."""
        return self._errors(self._data, known=self._known_levels)

    @cached_property
    def background_errors(self) -> FloatArray:
        """How wrong the background is about clean places around the bursts, in their shapes; as a row."""
        return self._errors(self.support.weighted, self.resolution)

    @cached_property
    def usual_error(self) -> FloatArray:
        """Typical error of single samples, as a complex standard deviation, shape ``(coil,)``; 0 where none was hit."""
        weighted, clean = self.support.weighted, self._clean
        step = step_through(clean[0].size, ENOUGH)
        some, is_clean = (each.reshape(len(each), -1)[:, ::step] for each in (weighted, clean))
        medians = np.zeros(len(weighted), np.float32)
        for coil in np.unique(self.row.coils):
            if is_clean[coil].any():
                # Medians: sparks that nobody has flagged do not raise them.
                medians[coil] = quantile(np.abs(some[coil][is_clean[coil]]), 0.5)
        return np.asarray(float(self.resolution(1)[0, 0].real) * medians / MEDIAN_OF_NOISE)

    @cached_property
    def loud(self) -> list[Burst]:
        """Bursts at which there is signal to be predicted, and which are not obvious."""
        row, level = self.row, np.maximum(np.abs(self.predicted), self.levels)
        is_quiet = row.overall(level) <= LOUD * row.overall(self.usual_error[row.coils])
        # How well an obvious spark is predicted decides nothing: it is one in any case.
        is_obvious = row.any(np.abs(row.of(self._data)) > OBVIOUS * level)
        return list(compress(row.bursts, ~is_quiet & ~is_obvious))

    def at_missing(self, known: AtMissing) -> NDArray[Any]:
        """Take what is known of the bursts' samples, as a row."""
        row: NDArray[Any] = known.values[self.row.coils, known.number[self.row.lines, self.row.samples]]
        return row

    def resolution(self, length: int) -> NDArray[np.complex128]:
        """Give the matrix of bursts of a length: see :meth:`SupportPrediction.burst_resolution`."""
        if length not in self._resolution:
            self._resolution[length] = self.support.burst_resolution(length)
        return self._resolution[length]

    def background_error(self, burst: Burst) -> FloatArray:
        """Tell how wrong the background is around any burst, of the row or not; shape ``(receiver, sample)``."""
        if burst in self.row:
            return self.row.part(self.background_errors, burst)
        return self.nearby_error(self.support.weighted, burst, self.resolution(burst.length))

    def nearby_error(
        self,
        values: ComplexArray,
        burst: Burst,
        resolution: ComplexArray | None = None,
        truth: ComplexArray | None = None,
    ) -> FloatArray:
        """Root mean square over clean places around a burst, in its shape; over the partition if these are few.

        Arguments are those of :func:`shape_error`.
        """
        error = shape_error(values, self._clean, burst, NEARBY, resolution, truth)
        if np.isfinite(error).all():
            return error
        # A reach of the whole partition: the window is cut at its borders.
        everywhere = (self._clean.shape[1], self._clean.shape[2])
        return shape_error(values, self._clean, burst, everywhere, resolution, truth)

    def _errors(
        self,
        values: ComplexArray,
        resolution: Callable[[int], ComplexArray] | None = None,
        known: FloatArray | None = None,
    ) -> FloatArray:
        """Do as :meth:`nearby_error` for the row; where it is `known` only what it lacks is measured."""
        errors = errors_around(values, self._clean, self.row, NEARBY, resolution) if known is None else known.copy()
        for burst in compress(self.row.bursts, self.row.any(~np.isfinite(errors))):
            matrix = None if resolution is None else resolution(burst.length)
            self.row.part(errors, burst)[...] = self.nearby_error(values, burst, matrix)
        return errors
