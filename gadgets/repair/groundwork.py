"""Groundwork: what the candidates of several bursts need of one k-space, each computed once.

The prediction from the image's background, the true centre and the mirrored k-space, how wrong predictions usually are
in a partition, and the rehearsals of its loud bursts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.background import SupportPrediction, predict_from_support
from gadgets.kspace import have_partners, predict_conjugate, true_centre
from gadgets.local_statistics import quantile
from gadgets.repair.bursts import Burst, Surroundings
from gadgets.repair.candidates import overall, sample_errors, shape_error
from gadgets.repair.rehearsal import Rehearsals, rehearsal_places, withhold

NEARBY = (3, 4)  # lines, samples on either side of a burst
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
    """

    def __init__(self, around: Surroundings, bursts: Sequence[Burst]) -> None:
        self.around = around
        self._bursts = bursts
        self._support: dict[int, SupportPrediction] = {}
        self._usual: dict[int, FloatArray] = {}
        self._rehearsals: dict[int, Rehearsals] = {}
        # Asked for by every candidate of a burst, and by its rehearsals.
        self._nearby_level: dict[Burst, FloatArray] = {}
        self._predicted: dict[Burst, ComplexArray] = {}
        self._sample_errors: dict[tuple[str, int], dict[Burst, FloatArray]] = {}
        self._resolution: dict[tuple[int, int], NDArray[np.complex128]] = {}

    @cached_property
    def centre(self) -> tuple[int, int, int]:
        """True centre of k-space, flagged samples left out: a spark must not pass for the echo."""
        return true_centre(self.around.data, self.around.missing)

    @cached_property
    def is_centre_sure(self) -> bool:
        """Whether the centre is the same with and without the flagged samples: else nobody's partner is known."""
        return self.centre == true_centre(self.around.data)

    @cached_property
    def mirrored_kspace(self) -> ComplexArray:
        """What the partners on the other side of the centre say of every sample, shape ``(coil, kz, ky, kx)``."""
        return predict_conjugate(self._filled(), self.around.data.shape, self.centre)

    def _filled(self) -> Iterator[ComplexArray]:
        """Give the samples of one receiver after the other, missing ones as the background predicts them."""
        partitions = sorted({burst.partition for burst in self._bursts})
        for coil, receiver in enumerate(self.around.data):
            filled = receiver.copy()
            for partition in partitions:
                # The smooth phase is taken from the whole centre: a hole or a spark there would bend it everywhere.
                predicted = self.support(partition).predicted
                filled[partition][predicted.number >= 0] = predicted.values[coil]
            yield filled

    def partners(self, partition: int) -> ComplexArray:
        """Tell what the partners say, zero where there is none, shape ``(coil, ky, kx)``."""
        partners = have_partners(self.around.clean, partition, self.centre)
        return np.where(partners, self.mirrored_kspace[:, partition], 0)

    def support(self, partition: int) -> SupportPrediction:
        """Fill a partition's missing samples by the background of its image; once per partition, it costs most."""
        if partition not in self._support:
            data, missing = self.around.data[:, partition], self.around.missing[:, partition]
            self._support[partition] = predict_from_support(data, missing, self._worthless(partition))
        return self._support[partition]

    def _worthless(self, partition: int) -> BoolArray | None:
        """Mark what stands so far out of its surroundings that zero is nearer to what belongs there; None: nothing."""
        worthless = np.zeros(self.around.missing[:, partition].shape, bool)
        for burst in (each for each in self._bursts if each.partition == partition):
            place = (burst.receivers, burst.line, slice(burst.start, burst.stop))
            worthless[place] = np.abs(burst.of(self.around.data)) > OBVIOUS * self.nearby_level(burst)
        return worthless if worthless.any() else None

    def predicted(self, burst: Burst) -> ComplexArray:
        """Say what the background tells of a burst, shape ``(receiver, sample)``."""
        if burst not in self._predicted:
            predicted, samples = self.support(burst.partition).predicted, slice(burst.start, burst.stop)
            self._predicted[burst] = predicted.at(burst.receivers, burst.line, samples)
        return self._predicted[burst]

    def usual_error(self, partition: int) -> FloatArray:
        """Typical error of single samples in a partition, as a complex standard deviation, shape ``(coil,)``."""
        if partition not in self._usual:
            weighted, clean = self.support(partition).weighted, self.around.clean[:, partition]
            step = clean[0].size // ENOUGH | 1  # an odd step visits all columns of a k-space
            # Medians: sparks that nobody has flagged do not raise them. The median magnitude of complex Gaussian noise
            # is sqrt(ln 2) of its standard deviation.
            some = zip(*(each.reshape(len(each), -1)[:, ::step] for each in (weighted, clean)), strict=True)
            medians = [quantile(np.abs(values[there]), 0.5) if there.any() else 0.0 for values, there in some]
            single = float(self.burst_resolution(partition, 1)[0, 0].real)
            self._usual[partition] = single * np.array(medians) / np.sqrt(np.log(2))
        return self._usual[partition]

    def rehearse(self, partition: int) -> Rehearsals:
        """Withhold clean places for all loud bursts of a partition at once, and predict them."""
        if partition not in self._rehearsals:
            loud = [burst for burst in self._bursts if burst.partition == partition and self._is_loud(burst)]
            # One mask for all bursts: no two of them may rehearse on the same samples.
            free = self.around.clean_everywhere.copy()
            limit = WITHHELD // max(sum(burst.length for burst in loud), 1)
            places = {burst: rehearsal_places(burst, free, self.centre, min(PLACES, limit)) for burst in loud}
            withheld = None
            if any(places.values()):
                everywhere = [place for listed in places.values() for place in listed]
                withheld = self.support(partition).without(withhold(self.around.missing[:, partition], everywhere))
            self._rehearsals[partition] = Rehearsals(places, withheld)
        return self._rehearsals[partition]

    def _is_loud(self, burst: Burst) -> bool:
        """Tell whether there is signal to be predicted at a burst."""
        level = np.maximum(np.abs(self.predicted(burst)), self.nearby_level(burst))
        if overall(level) <= LOUD * overall(self.usual_error(burst.partition)[burst.receivers]):
            return False
        # How well an obvious spark is predicted decides nothing: it is one in any case.
        return not np.any(np.abs(burst.of(self.around.data)) > OBVIOUS * level)

    def nearby_level(self, burst: Burst) -> FloatArray:
        """How loud it is around a burst: root mean square of the samples, shape ``(receiver, sample)``."""
        if burst not in self._nearby_level:
            data = self.around.data[:, burst.partition]
            self._nearby_level[burst] = self._complete(self._sample_error("level", data, burst, 1.0), data, burst)
        return self._nearby_level[burst]

    def background_error(self, burst: Burst) -> FloatArray:
        """How wrong the background is about clean places around a burst, in its shape; ``(receiver, sample)``."""
        resolution = self.burst_resolution(burst.partition, burst.length)
        weighted = self.support(burst.partition).weighted
        single = float(self.burst_resolution(burst.partition, 1)[0, 0].real)
        return self._complete(self._sample_error("background", weighted, burst, single), weighted, burst, resolution)

    def burst_resolution(self, partition: int, length: int) -> NDArray[np.complex128]:
        """Give the matrix of bursts of a length: see :meth:`SupportPrediction.burst_resolution`."""
        if (partition, length) not in self._resolution:
            self._resolution[partition, length] = self.support(partition).burst_resolution(length)
        return self._resolution[partition, length]

    def nearby_error(self, values: ComplexArray, burst: Burst, truth: ComplexArray | None = None) -> FloatArray:
        """Root mean square over clean places around a burst, in its shape; over the partition if these are few.

        Arguments are those of :func:`shape_error`.
        """
        return self._complete(None, values, burst, truth=truth)

    def _sample_error(self, of: str, values: ComplexArray, burst: Burst, resolution: float) -> FloatArray | None:
        """Measure an error around a burst of one sample, and around all others of its partition; None where it cannot.

        `of` names what is measured.
        """
        if (of, burst.partition) not in self._sample_errors:
            bursts = [each for each in self._bursts if each.partition == burst.partition]
            clean = self.around.clean[:, burst.partition]
            self._sample_errors[of, burst.partition] = sample_errors(values, clean, bursts, NEARBY, resolution)
        return self._sample_errors[of, burst.partition].get(burst)

    def _complete(
        self,
        error: FloatArray | None,
        values: ComplexArray,
        burst: Burst,
        resolution: ComplexArray | None = None,
        truth: ComplexArray | None = None,
    ) -> FloatArray:
        """Measure an error that is not known yet; over the whole partition where too few places are nearby."""
        clean = self.around.clean[:, burst.partition]
        if error is None:
            error = shape_error(values, clean, burst, NEARBY, resolution, truth)
        if np.isfinite(error).all():
            return error
        # A reach of the whole partition: the window is cut at its borders.
        return shape_error(values, clean, burst, (clean.shape[1], clean.shape[2]), resolution, truth)
