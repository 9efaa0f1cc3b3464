"""Groundwork: what the candidates of several bursts need of one k-space, each computed once.

The prediction from the image's background, the true centre and what the partners say, how wrong predictions usually are
in a partition, and the rehearsals of its loud bursts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.background import AtMissing, SupportPrediction, predict_from_support
from gadgets.kspace import have_partners, predict_conjugate, true_centre
from gadgets.local_statistics import MEDIAN_OF_NOISE, quantile, step_through
from gadgets.repair.bursts import Burst, Surroundings
from gadgets.repair.errors_nearby import NEARBY, errors_around, shape_error
from gadgets.repair.rehearsal import Rehearsals, rehearsal_places, withhold
from gadgets.repair.together import Together

LOUD = 3.0  # signal over the usual error: below, there is nothing to predict and nothing to rehearse
OBVIOUS = 12.0  # times what is around and what is predicted
ENOUGH = 1 << 14  # samples of a receiver that tell what is usual in it
WITHHELD = 240  # samples per partition that rehearsals may take
PLACES = 3  # rehearsals of each burst at most


class Groundwork:
    """What is known of one k-space around its flagged samples.

    Parameters
    ----------
    around
        The k-space with all flagged samples marked.
    bursts
        Everything that is flagged.
    levels
        How loud it is around them, by partition, each as a row, see :attr:`Ground.levels`; None: nobody has measured.
    """

    def __init__(
        self, around: Surroundings, bursts: Sequence[Burst], levels: Mapping[int, FloatArray] | None = None
    ) -> None:
        self.around = around
        self._levels = levels or {}
        self._bursts = bursts
        self._partitions: dict[int, Ground] = {}
        self._rehearsals: dict[int, Rehearsals] = {}

    def of(self, partition: int) -> Ground:
        """Give what is known of one partition."""
        if partition not in self._partitions:
            bursts = [burst for burst in self._bursts if burst.partition == partition]
            self._partitions[partition] = Ground(self.around, partition, bursts, self._levels.get(partition))
        return self._partitions[partition]

    @cached_property
    def centre(self) -> tuple[int, int, int]:
        """True centre of k-space, flagged samples left out: a spark must not pass for the echo."""
        return true_centre(self.around.data, self.around.missing)

    @cached_property
    def is_centre_sure(self) -> bool:
        """Whether the centre is the same with and without the flagged samples: else nobody's partner is known."""
        return self.centre == true_centre(self.around.data)

    @cached_property
    def from_partners(self) -> ComplexArray:
        """What the partners on the other side of the centre say of every sample, shape ``(coil, kz, ky, kx)``."""
        return predict_conjugate(self._filled(), self.around.data.shape, self.centre)

    def _filled(self) -> Iterator[ComplexArray]:
        """Give the samples of one receiver after the other, missing ones as the background predicts them."""
        partitions = sorted({burst.partition for burst in self._bursts})
        for coil, receiver in enumerate(self.around.data):
            filled = receiver.copy()
            for partition in partitions:
                # The smooth phase is taken from the whole centre: a hole or a spark there would bend it everywhere.
                predicted = self.of(partition).support.predicted
                filled[partition][predicted.number >= 0] = predicted.values[coil]
            yield filled

    def partners(self, partition: int) -> ComplexArray:
        """Tell what the partners say, zero where there is none, shape ``(coil, ky, kx)``."""
        partners = have_partners(self.around.clean, partition, self.centre)
        return np.where(partners, self.from_partners[:, partition], 0)

    def rehearse(self, partition: int) -> Rehearsals:
        """Withhold clean places for all loud bursts of a partition at once, and predict them."""
        if partition not in self._rehearsals:
            ground = self.of(partition)
            # One mask for all bursts: no two of them may rehearse on the same samples.
            free = self.around.clean_everywhere.copy()
            limit = WITHHELD // max(sum(burst.length for burst in ground.loud), 1)
            places = {burst: rehearsal_places(burst, free, self.centre, min(PLACES, limit)) for burst in ground.loud}
            withheld = None
            if any(places.values()):
                everywhere = [place for listed in places.values() for place in listed]
                withheld = ground.support.without(withhold(self.around.missing[:, partition], everywhere))
            self._rehearsals[partition] = Rehearsals(places, withheld)
        return self._rehearsals[partition]


class Ground:
    """What is known of one partition around its flagged samples, for all its bursts together.

    Parameters are those of :class:`Groundwork`, for this partition.
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
