"""Counts which simulated sparks were repaired."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gadgets.indices import Indices
from pipelines.benchmark import ScoredEvent
from pipelines.phantom.spark_truth import SimulatedSpark

Place = tuple[int, int, int]
"""Partition, line and sample."""


@dataclass(frozen=True)
class RepairedPlace:
    """A sample that the chain changed, in these receivers."""

    indices: Indices
    place: Place
    receivers: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """Which sparks were repaired, in the order of the truth, and how many samples were changed beside them."""

    found: tuple[bool, ...]
    n_beside: int
    events: tuple[ScoredEvent, ...]


def compare(sparks: Sequence[SimulatedSpark], repaired: Iterable[RepairedPlace]) -> Comparison:
    """Take a spark for found where its largest sample was changed in the receiver that it hit most.

    Parameters
    ----------
    sparks
        What was put in.
    repaired
        Every sample that was changed, k-spaces in any order.
    """
    changed = {(place.indices, place.place): place.receivers for place in repaired}
    # By its largest sample: the others of a burst may be too weak to be told.
    found = tuple(_strongest(spark) in changed.get((spark.indices, peak_of(spark)), ()) for spark in sparks)
    hit = {(spark.indices, place) for spark in sparks for place in places_of(spark)}
    events = tuple(
        ScoredEvent(spark.radius, spark.rnr, len(spark.gains), len(spark.receivers), is_found)
        for spark, is_found in zip(sparks, found, strict=True)
    )
    # All samples of a burst count as hit, and not only its largest.
    return Comparison(found, sum(place not in hit for place in changed), events)


def peak_of(spark: SimulatedSpark) -> Place:
    """Give the place of its largest sample."""
    largest = int(np.argmax([abs(complex(*value)) for value in spark.burst]))
    return spark.partition, spark.line, spark.first_column + largest


def places_of(spark: SimulatedSpark) -> list[Place]:
    """Give the places of all its samples."""
    return [(spark.partition, spark.line, spark.first_column + number) for number in range(spark.n_samples)]


def _strongest(spark: SimulatedSpark) -> int:
    return int(np.argmax([abs(complex(*gain)) for gain in spark.gains]))
