"""Rehearsal: a burst of the same shape at clean places, to see how well it would be predicted there.

Leaving single samples out of a finished fit flatters the fit where the image has little background, because they
had their share in it. Here clean samples are truly withheld. The mirrored place comes first: it is as far
from the centre, and about as loud.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.background import AtMissing
from gadgets.repair.bursts import Burst


@dataclass(frozen=True, eq=False)
class Rehearsals:
    """Clean places of each loud burst of one partition, and what was predicted there when all were withheld."""

    places: Mapping[Burst, list[Burst]]
    withheld: AtMissing | None

    def wrong(self, burst: Burst) -> list[ComplexArray]:
        """Give the errors at each place of a burst, over their expected sizes, each ``(receiver, sample)``."""
        if self.withheld is None:
            return []
        places = self.places.get(burst, [])
        return [self.withheld.at(held.receivers, held.line, slice(held.start, held.stop)) for held in places]


def rehearsal_places(burst: Burst, free: BoolArray, centre: tuple[int, int, int], n_places: int) -> list[Burst]:
    """Choose clean places for a burst's shape: mirrored about the centre, then around the burst.

    Parameters
    ----------
    burst
        The burst to be rehearsed.
    free
        Samples that may be withheld, shape ``(kz, ky, kx)``; the chosen ones are taken out of it.
    centre
        The true centre of k-space.
    n_places
        How many are wanted; there may be fewer.
    """
    # Samples are left between: side by side, the places and the burst would be one longer gap, and harder to fill.
    width = burst.length + 2
    moves = [(3, 0), (-3, 0), (0, width), (0, -width), (3, width), (-3, -width), (5, 0), (-5, 0)]
    places = [(burst.line + line, burst.start + sample) for line, sample in moves]
    # What was the burst's last sample comes first in its mirror image.
    places.insert(0, (2 * centre[1] - burst.line, 2 * centre[2] - burst.stop + 1))
    chosen: list[Burst] = []
    for line, start in places:
        if len(chosen) >= n_places:
            break
        samples = slice(start, start + burst.length)
        if start < 0 or not 0 <= line < free.shape[1] or samples.stop > free.shape[2]:
            continue
        if free[burst.partition, line, samples].all():
            free[burst.partition, line, samples] = False
            # Nothing is to be answered there, so it has no points.
            chosen.append(replace(burst, line=line, start=start, stop=samples.stop, points=()))
    return chosen


def withhold(missing: BoolArray, places: list[Burst]) -> BoolArray:
    """Mark the samples at the places as missing too, in the receivers of their bursts; shape ``(coil, ky, kx)``."""
    held = missing.copy()
    for place in places:
        held[place.receivers, place.line, place.start : place.stop] = True
    return held


def root_mean_square(wrong: Sequence[ComplexArray]) -> FloatArray:
    """Pool errors over places and samples, shape ``(receiver, 1)``; zero where there are none."""
    if not wrong:
        # Whoever asks takes the larger of this and of an error that was estimated: zero says nothing against that.
        return np.zeros((1, 1))
    return np.asarray(np.sqrt(np.mean(np.abs(np.concatenate(wrong, axis=1)) ** 2, axis=1, keepdims=True)))
