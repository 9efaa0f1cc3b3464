"""A witness: what the earlier k-spaces of a place say of the one that has come now, and how wrong they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray
from gadgets.background import noise_of
from gadgets.kspace import KSpace
from gadgets.local_statistics import total_power
from gadgets.process import check_time
from gadgets.series.central import Central, Window
from gadgets.series.differences import CHANGED, Differences, changes
from gadgets.series.prediction import REACH, Prediction
from gadgets.series.standing_out import standing_out

AGAIN = 0.5
"""Share of what was taken for a spark that may be missing where it comes again, and is none."""

GROWN, JUMPED = 1.25, 1.5
"""Times more than in earlier k-spaces, and than was to be expected, from which on a change is not one of the usual ones
of the scan. Beyond the first others have to agree, beyond the second the series is silent. Of 216 clean repetitions 9
are beyond the first and 2 beyond the second; of 72 k-spaces after a new shim 45 and 39."""

FEWEST = 200
"""Samples that are needed to fit 50 weights to; a middle that has fewer in common with the earlier ones is silent."""


Place = tuple[int, int, int]
"""Partition, line and sample."""


class Witness:
    """Compares the middle of a k-space with earlier ones, partition by partition.

    Parameters
    ----------
    now, earlier
        The middles of this and of earlier k-spaces of the same place, the likeliest first.
    window
        Where the middle lies.
    kspace
        As acquired.
    n_alike
        How many of `earlier`, the first ones, are of the same contrast and phase.
    """

    def __init__(
        self, now: Central, window: Window, earlier: Sequence[Central], kspace: KSpace, n_alike: int = 0
    ) -> None:
        self._now = now
        self._earlier = earlier
        self._n_alike = n_alike
        self._shape = kspace.data.shape[1:]
        self._kspace = kspace
        self._reversed = kspace.reversed_lines
        self.window = window
        self._known: dict[int, Differences | None] = {}
        self._changes: dict[int, tuple[float, ...]] = {}

    @property
    def n_earlier(self) -> int:
        """K-spaces of before that this one is compared with."""
        return len(self._earlier)

    def differences(self, partition: int) -> Differences | None:
        """Compare a partition of the k-space; None outside of the middle, or where there is too little to compare."""
        index = partition - self.window[0].start
        if not 0 <= index < self._now.data.shape[1]:
            return None
        if partition not in self._known:
            self._known[partition] = self._compared(index, partition)
        return self._known[partition]

    def _compared(self, index: int, partition: int) -> Differences | None:
        check_time()
        now, before = self._now.data[:, index], [each.data[:, index] for each in self._earlier]
        known = [self._now.valid[index] & each.valid[index] & _inside(each.valid[index]) for each in self._earlier]
        whole, valid = np.all(known, axis=0), np.any(known, axis=0)
        # Weights are fitted where all of them tell; elsewhere those that do are asked one by one.
        if np.count_nonzero(whole) < FEWEST:
            return None
        told = Prediction(
            now, whole, before, noise_of(self._kspace, partition), self._reversed[partition, self.window[1]]
        )
        predicted, doubt = told.together(), np.zeros(now.shape, np.float32)
        alone = [told.alone(number) for number in range(len(before))] if len(before) > 1 else [predicted]
        # What is doubtful in one of them is told by the other.
        for each, there in zip(alone, known, strict=True):
            predicted = np.where(there & ~whole, each, predicted)
        difference = np.where(valid, now - predicted, 0)
        distance = total_power(difference)
        # The nearest of them counts: what one of them has shown already is no news, whatever the others say.
        least = distance.copy()
        for number, (each, there, middle) in enumerate(zip(alone, known, self._earlier, strict=True)):
            doubt = np.where(there, np.maximum(doubt, np.abs(each - predicted)), doubt)
            least = np.where(there, np.minimum(least, total_power(now - each)), least)
            if middle.recorded is not None:
                # As recorded, spark or not: if the same comes again at the same place it belongs to the object.
                recorded = middle.recorded[:, index]
                away = np.abs(now - told.alone(number, recorded))
                beyond = np.maximum(away - AGAIN * np.abs(recorded - middle.data[:, index]), 0)
                least = np.minimum(least, np.sum(beyond**2, axis=0))
        # A share of magnitudes, of powers so far; where nothing differs at all, nothing is new.
        new = np.sqrt(least / np.maximum(distance, 1e-30))
        return Differences(predicted, difference, valid, ~whole | (len(before) == 1), told.expected, doubt, new)

    def predicted_at(self, place: Place) -> ComplexArray | None:
        """Give what belongs at a place, as acquired, shape ``(coil,)``; None where nobody knows."""
        compared, inside = self.differences(place[0]), self._inside(place)
        if compared is None or inside is None or compared.alone[inside]:
            return None
        return compared.predicted[(slice(None), *inside)]

    def is_unsure_of(self, place: Place) -> bool:
        """Tell whether others have to agree: a single earlier k-space tells of it, or the object has changed."""
        compared, inside = self.differences(place[0]), self._inside(place)
        if compared is None or inside is None or compared.alone[inside]:
            return True
        return max(self._changes_of(place[0], compared)) > CHANGED or self._has_changed_more(place[0], GROWN)

    def _changes_of(self, partition: int, compared: Differences) -> tuple[float, ...]:
        if partition not in self._changes:
            self._changes[partition] = changes(compared)
        return self._changes[partition]

    @cached_property
    def changes(self) -> dict[int, float]:
        """How many times more than expected the loud samples have changed, by partition; its loudest few left out.

        Sparks may be most of the loudest few, and never of the next ones.
        """
        partitions = range(self.window[0].start, self.window[0].stop)
        known = {partition: self.differences(partition) for partition in partitions}
        return {at: self._changes_of(at, each)[-1] for at, each in known.items() if each is not None}

    @property
    def usual_changes(self) -> Mapping[int, float]:
        """What later k-spaces are compared with: nothing where a contrast or phase has come for the first time."""
        return self.changes if self._n_alike else {}

    def is_steady(self, partition: int) -> bool:
        """Tell whether no more has changed than does in a patient who lies still; sparks at the centre do not count.

        In another contrast or diffusion direction little changes where there is little signal, and proves nothing.
        """
        return self._n_alike > 0 and self.changes.get(partition, np.inf) <= CHANGED

    def _has_changed_more(self, partition: int, times: float) -> bool:
        """Tell whether more has changed than did from one k-space to the next before."""
        # A new shim changes no more than a diffusion weighting does: only what is usual in this scan tells them apart.
        usual = [each.changes[partition] for each in self._earlier[: self._n_alike] if partition in each.changes]
        return bool(usual) and self.changes.get(partition, 0.0) > times * max(1, *usual)

    def _inside(self, place: Place) -> tuple[int, int] | None:
        """Give the line and sample in the middle of a place as acquired; None where it lies beyond."""
        partition, line, sample = place
        # Readouts from right to left lie mirrored in the middle that is kept, so that k-spaces can be compared.
        across = self._shape[-1] - 1 - sample if self._reversed[partition, line] else sample
        inside = line - self.window[1].start, across - self.window[2].start
        n_lines, n_samples = self._now.valid.shape[1:]
        return inside if 0 <= inside[0] < n_lines and 0 <= inside[1] < n_samples else None

    @cached_property
    def standing_out(self) -> list[Place]:
        """Places, as acquired, of what earlier k-spaces did not lead to expect."""
        places = []
        for partition in range(self.window[0].start, self.window[0].stop):
            compared = None if self._has_changed_more(partition, JUMPED) else self.differences(partition)
            if compared is None:
                continue
            for line, sample in np.argwhere(standing_out(compared, is_like_before=self._n_alike > 0)):
                there, across = int(line) + self.window[1].start, int(sample) + self.window[2].start
                turned = self._reversed[partition, there]
                places.append((partition, there, self._shape[-1] - 1 - across if turned else across))
        return places


def _inside(valid: BoolArray) -> BoolArray:
    """Leave out the border of the middle: there, neighbours of before that a sample is predicted from are cut off."""
    # Of the clean samples that were changed in simulated series before this, nearly all lay there.
    inside: BoolArray = np.zeros(valid.shape, bool)
    inside[REACH:-REACH, REACH:-REACH] = True
    return inside
