"""Groundwork: what the candidates of several bursts need of one k-space, each computed once.

The prediction from the image's background, the true centre and what the partners say, how wrong predictions usually are
in a partition, and the rehearsals of its loud bursts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.kspace import have_partners, predict_conjugate, true_centre
from gadgets.repair.bursts import Burst, Surroundings
from gadgets.repair.ground.ground import Ground
from gadgets.repair.ground.rehearsal import Rehearsals, rehearsal_places, withhold

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
