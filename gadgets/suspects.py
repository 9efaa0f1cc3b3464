"""Suspects: samples that the segmentation marks, until their predictions confirm them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gadgets.kspace import ComplexArray, KSpace
from gadgets.records import Point
from gadgets.repair import deviations
from gadgets.verdict import HIT, is_spark, receivers_of

Place = tuple[int, int, int]
"""Partition, line and sample."""


@dataclass(frozen=True)
class Suspect:
    """A sample that the segmentation marks.

    Attributes
    ----------
    place
        Partition, line and sample.
    probability, threshold
        That it is abnormal, and above which it counts as such.
    in_core
        Whether it lies in the echo's peak.
    is_hint
        Whether the segmentation says too little to suspect this sample alone; it may belong to a crowd.
    values
        What a calibration model says its samples should be, shape ``(coil,)``; None where no model says.
    """

    place: Place
    probability: float
    threshold: float
    in_core: bool
    is_hint: bool = False
    values: ComplexArray | None = None

    @property
    def point(self) -> Point:
        """The point that it may become, still without receivers and moment."""
        partition, line, sample = self.place
        return Point(
            partition=partition,
            line=line,
            sample=sample,
            receivers=(),
            probability=self.probability,
            scan_counter=0,
            time_stamp=0,
        )

    def values_of(self, receivers: Sequence[int]) -> tuple[tuple[float, float], ...]:
        """Real and imaginary part of `values` for some receivers; empty where no model says."""
        if self.values is None:
            return ()
        return tuple((float(self.values[each].real), float(self.values[each].imag)) for each in receivers)


def place_of(point: Point) -> Place:
    """Give the place of a point."""
    return point.partition, point.line, point.sample


def confirm(suspects: Sequence[Suspect], looked_at: KSpace, crowd: Sequence[Point] | None = None) -> list[Point]:
    """Keep the suspects that their predictions confirm; name their receivers and their moment.

    Parameters
    ----------
    suspects
        Those to be judged.
    looked_at
        The k-space that they were seen in.
    crowd
        Where suspects were found together: what else is wrong in this k-space, and tells nothing about them. None
        where the models suspect each of them alone.
    """
    if not suspects:
        return []
    confirmed = []
    points = [suspect.point for suspect in suspects]
    theirs = deviations(looked_at, [*points, *(crowd or ())])[: len(points)]
    for suspect, point, deviation in zip(suspects, points, theirs, strict=True):
        opinions = (suspect.probability, suspect.threshold, deviation)
        if is_spark(*opinions, in_core=suspect.in_core, in_crowd=crowd is not None):
            receivers = receivers_of(deviation)
            moment = {
                "receivers": receivers,
                "values": suspect.values_of(receivers),
                "scan_counter": int(looked_at.scan_counter[point.partition, point.line]),
                "time_stamp": int(looked_at.time_stamp[point.partition, point.line]),
            }
            confirmed.append(point.model_copy(update=moment))
    return confirmed


def explained_by_others(points: Sequence[Point], kspace: KSpace) -> list[Point]:
    """Name the points that do not deviate any more where all points are left out: others were to blame.

    Parameters
    ----------
    points
        All that were confirmed, at several looks.
    kspace
        As acquired.
    """
    explained: list[Point] = []
    left = list(points)
    while left:
        largest = np.nanmax(deviations(kspace, left), axis=1, initial=0.0)
        order = np.argsort(largest)
        # The weaker half at a time: without them, the others may deviate again.
        weakest = {int(index) for index in order[: -(-int((largest <= HIT).sum()) // 2)]}
        if not weakest:
            break
        explained += [left[index] for index in sorted(weakest)]
        left = [point for index, point in enumerate(left) if index not in weakest]
    return explained
