"""Groundwork: what the candidates of several bursts need of one k-space, each computed once.

The prediction from the image's background, the true centre and the mirrored k-space, how wrong predictions usually are
in a partition, and the rehearsals of its loud bursts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.background import SupportPrediction, predict_from_support
from gadgets.kspace import have_partners, predict_conjugate, true_centre
from gadgets.local_statistics import quantile
from gadgets.repair.bursts import Burst, Surroundings
from gadgets.repair.candidates import shape_error
from gadgets.repair.rehearsal import rehearsal_places, withhold

NEARBY = (3, 4)  # lines, samples on either side of a burst
LOUD = 3.0  # signal over the usual error: below, there is nothing to predict and nothing to rehearse
OBVIOUS = 12.0  # times what is around and what is predicted
WITHHELD = 240  # samples per partition that rehearsals may take
PLACES = 3  # rehearsals of each burst at most


@dataclass(frozen=True, eq=False)
class Rehearsals:
    """Clean places that were withheld for the loud bursts of one partition.

    Attributes
    ----------
    places
        Of each loud burst.
    wrong
        What was predicted there minus what was recorded, over its expected size, shape ``(coil, ky, kx)``: what is
        withheld makes the task harder than it is.
    """

    places: Mapping[Burst, list[Burst]]
    wrong: ComplexArray


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

    @cached_property
    def centre(self) -> tuple[int, int, int]:
        """True centre of k-space, flagged samples left out: a spark must not pass for the echo."""
        return true_centre(np.where(self.around.missing, 0, self.around.data))

    @cached_property
    def is_centre_sure(self) -> bool:
        """Whether the centre is the same with and without the flagged samples: else nobody's partner is known."""
        return self.centre == true_centre(self.around.data)

    @cached_property
    def mirrored_kspace(self) -> ComplexArray:
        """What the partners on the other side of the centre say of every sample, shape ``(coil, kz, ky, kx)``."""
        data = self.around.data.copy()
        for partition in {burst.partition for burst in self._bursts}:
            # The smooth phase is taken from the whole centre: a hole or a spark there would bend it everywhere.
            data[:, partition] = self.support(partition).filled
        return predict_conjugate(data, self.centre)

    def partners(self, partition: int) -> ComplexArray:
        """Tell what the partners say, zero where there is none, shape ``(coil, ky, kx)``."""
        partners = have_partners(self.around.clean, partition, self.centre)
        return np.where(partners, self.mirrored_kspace[:, partition], 0)

    def support(self, partition: int) -> SupportPrediction:
        """Fill a partition's missing samples by the background of its image; once per partition, it costs most."""
        if partition not in self._support:
            around = self.around
            self._support[partition] = predict_from_support(around.data[:, partition], around.missing[:, partition])
        return self._support[partition]

    def predicted(self, burst: Burst) -> ComplexArray:
        """Say what the background tells of a burst, shape ``(receiver, sample)``."""
        filled = self.support(burst.partition).filled
        return filled[burst.receivers, burst.line, burst.start : burst.stop]

    def usual_error(self, partition: int) -> FloatArray:
        """Typical error of single samples in a partition, as a complex standard deviation, shape ``(coil,)``."""
        if partition not in self._usual:
            innovation, clean = self.support(partition).innovation, self.around.clean[:, partition]
            # Medians: sparks that nobody has flagged do not raise them. The median magnitude of complex Gaussian noise
            # is sqrt(ln 2) of its standard deviation.
            medians = [
                quantile(np.abs(values[there]), 0.5) if there.any() else 0.0
                for values, there in zip(innovation, clean, strict=True)
            ]
            self._usual[partition] = np.array(medians) / np.sqrt(np.log(2))
        return self._usual[partition]

    def rehearse(self, partition: int) -> Rehearsals:
        """Withhold clean places for all loud bursts of a partition at once, and predict them."""
        if partition not in self._rehearsals:
            loud = [burst for burst in self._bursts if burst.partition == partition and self._is_loud(burst)]
            free = np.all(self.around.clean, axis=0)
            limit = WITHHELD // max(sum(burst.length for burst in loud), 1)
            places = {burst: rehearsal_places(burst, free, self.centre, min(PLACES, limit)) for burst in loud}
            held = withhold(self.around, [place for listed in places.values() for place in listed])
            wrong: ComplexArray = np.broadcast_to(np.complex64(0), held.data[:, partition].shape)
            if any(places.values()):
                # From what is filled: the sparks themselves would brighten the first background.
                start = self.support(partition).filled
                rehearsed = predict_from_support(start, held.missing[:, partition])
                expected = np.sqrt(np.where(rehearsed.variance > 0, rehearsed.relative_variance_at(), 1))
                wrong = rehearsed.filled
                wrong -= held.data[:, partition]
                wrong /= expected
            self._rehearsals[partition] = Rehearsals(places, wrong)
        return self._rehearsals[partition]

    def _is_loud(self, burst: Burst) -> bool:
        """Tell whether there is signal to be predicted at a burst."""
        usual = self.usual_error(burst.partition)[burst.receivers, None]
        nearby = self.nearby_level(burst)
        level = np.maximum(np.abs(self.predicted(burst)), nearby)
        is_loud = bool(np.mean(level**2) > LOUD**2 * np.mean(usual**2))
        # How well an obvious spark is predicted decides nothing: it is one in any case.
        recorded = np.abs(burst.of(self.around.data))
        return is_loud and not np.any(recorded > OBVIOUS * np.maximum(nearby, np.abs(self.predicted(burst))))

    def nearby_level(self, burst: Burst) -> FloatArray:
        """How loud it is around a burst: root mean square of the samples, shape ``(receiver, sample)``."""
        return self.nearby_error(self.around.data[:, burst.partition], burst)

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
        clean = self.around.clean[:, burst.partition]
        error = shape_error(values, clean, burst, NEARBY, resolution, truth)
        if np.isfinite(error).all():
            return error
        return shape_error(values, clean, burst, (clean.shape[1], clean.shape[2]), resolution, truth)


def root_mean_square(wrong: Sequence[ComplexArray]) -> FloatArray:
    """Pool errors over places and samples, shape ``(receiver, 1)``; zero where there are none."""
    if not wrong:
        return np.zeros((1, 1))
    return np.asarray(np.sqrt(np.mean(np.abs(np.concatenate(wrong, axis=1)) ** 2, axis=1, keepdims=True)))
