"""Counts which simulated sparks were repaired."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.indices import Indices
from pipelines.benchmark import ScoredEvent
from pipelines.phantom.spark_truth import SimulatedSpark

Place = tuple[int, int, int]
"""Partition, line and sample."""

FOUND_BELOW = 0.5
"""The share of a spark that is left, below which it counts as repaired: the rule of the benchmark."""


@dataclass(frozen=True)
class RepairedPlace:
    """A sample that the chain changed, in these receivers, and by what; empty where only the places are known."""

    indices: Indices
    place: Place
    receivers: tuple[int, ...]
    change: tuple[complex, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Which sparks were repaired, in the order of the truth, and how many samples were changed beside them.

    ``left`` is the share of each that is left at its largest sample; empty where the changes are not known.
    ``repetitions`` says which repetition each was put into.
    """

    found: tuple[bool, ...]
    n_beside: int
    events: tuple[ScoredEvent, ...]
    left: tuple[float, ...] = ()
    repetitions: tuple[int, ...] = ()


def compare(sparks: Sequence[SimulatedSpark], repaired: Iterable[RepairedPlace]) -> Comparison:
    """Take a spark for found where less than half of it is left at its largest sample.

    Where the places alone are known, it is found where that sample was changed in the receiver that it hit most.

    Parameters
    ----------
    sparks
        What was put in.
    repaired
        Every sample that was changed, k-spaces in any order.
    """
    changed = {(place.indices, place.place): place for place in repaired}
    # By its largest sample: the others of a burst may be too weak to be told.
    at_peaks = [changed.get((spark.indices, peak_of(spark))) for spark in sparks]
    # One without is enough: all are to be judged by the same rule.
    if any(not place.change for place in changed.values()):
        left: tuple[float, ...] = ()
        pairs = zip(sparks, at_peaks, strict=True)
        found = tuple(place is not None and strongest(spark) in place.receivers for spark, place in pairs)
    else:
        near: dict[object, list[SimulatedSpark]] = {}
        for spark in sparks:
            near.setdefault((spark.indices, spark.partition, spark.line), []).append(spark)
        left = tuple(
            _left(added_at_peak(spark, near[spark.indices, spark.partition, spark.line]), place)
            for spark, place in zip(sparks, at_peaks, strict=True)
        )
        found = tuple(share < FOUND_BELOW for share in left)
    hit = {(spark.indices, place) for spark in sparks for place in places_of(spark)}
    events = tuple(
        ScoredEvent(spark.radius, spark.rnr, len(spark.gains), len(spark.receivers), is_found)
        for spark, is_found in zip(sparks, found, strict=True)
    )
    # All samples of a burst count as hit, and not only its largest.
    return Comparison(
        found,
        sum(place not in hit for place in changed),
        events,
        left,
        tuple(spark.indices.repetition for spark in sparks),
    )


def peak_of(spark: SimulatedSpark) -> Place:
    """Give the place of its largest sample."""
    largest = int(np.argmax([abs(complex(*value)) for value in spark.burst]))
    return spark.partition, spark.line, spark.first_column + largest


def places_of(spark: SimulatedSpark) -> list[Place]:
    """Give the places of all its samples."""
    return [(spark.partition, spark.line, spark.first_column + number) for number in range(spark.n_samples)]


def strongest(spark: SimulatedSpark) -> int:
    """Give the receiver that it hit most."""
    return int(np.argmax([abs(complex(*gain)) for gain in spark.gains]))


def added_at_peak(spark: SimulatedSpark, sparks: Iterable[SimulatedSpark]) -> ComplexArray:
    """Give what was added at the largest sample of a spark, ``(coil,)``; others of the sparks may lie over it."""
    added = np.zeros(len(spark.gains), np.complex128)
    partition, line, column = peak_of(spark)
    for other in sparks:
        number = column - other.first_column
        if (other.indices, other.partition, other.line) == (spark.indices, partition, line) and (
            0 <= number < other.n_samples
        ):
            gains = np.array([complex(*gain) for gain in other.gains])
            # Sparks that lie over each other add up: what is to be gone is their sum.
            added += other.peak_amplitude * gains * complex(*other.burst[number])
    return added


def _left(added: ComplexArray, repaired: RepairedPlace | None) -> float:
    """Give the distance from the truth after the repair over that before, in the receiver that was hit most."""
    # Two may take each other away: nothing is left from the beginning.
    if not added.any():
        return 0.0
    # Of the sum, which another spark may make largest in another receiver.
    coil = int(np.argmax(np.abs(added)))
    changes = dict(zip(repaired.receivers, repaired.change, strict=True)) if repaired is not None else {}
    return float(abs(added[coil] + changes.get(coil, 0)) / abs(added[coil]))
