"""The series in detection: suspects that stand out of what was there before, and what is remembered for the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.detection.confirmation import Confirmed, confirm
from gadgets.detection.crowds import THRESHOLD_BESIDE
from gadgets.detection.found import Found
from gadgets.detection.suspects import Suspect
from gadgets.local_statistics import BESIDE
from gadgets.records import KnownRepair, Point
from gadgets.repair import Flagged, Predictions, carried, outcomes_of
from gadgets.series import SeriesMemory, Witness
from gadgets.settings import CalibrationSettings

UNDECIDED = 0.5
"""Probability and threshold of what the models have not been asked about: its deviation alone decides."""


def unlike_before(witness: Witness) -> list[Suspect]:
    """Give the samples that stand out of what earlier k-spaces predict, for a second opinion."""
    # Where nobody knows which of two k-spaces has the spark as much is asked as in the echo's peak.
    return [
        Suspect(place, UNDECIDED, UNDECIDED, in_core=witness.is_unsure_of(place), is_unlike_before=True)
        for place in witness.standing_out
    ]


def confirm_unlike_before(witness: Witness, known: Predictions) -> list[Confirmed]:
    """Confirm what stands out of earlier k-spaces; beside what was confirmed, in its readout, less is asked for.

    A spark lasts some samples, and all of them are judged as strictly as the strongest where others have to agree.
    """
    suspects = unlike_before(witness)
    confirmed = confirm(suspects, known)
    sure = {each.point.place for each in confirmed}
    beside = {
        (partition, line, sample + step) for partition, line, sample in sure for step in range(-BESIDE, BESIDE + 1)
    }
    again = beside - sure
    left = [replace(each, threshold=THRESHOLD_BESIDE) for each in suspects if each.place in again]
    # Judged beside the same samples as before: what was predicted of them holds.
    return confirmed + confirm(left, known, [Flagged(*each.place) for each in suspects if each.place not in again])


def remember(memory: SeriesMemory, found: Found, points: Sequence[Point]) -> tuple[KnownRepair, ...]:
    """Remember the k-space with its points repaired, and give what becomes of them.

    A point that is not repaired, and what stood out without being confirmed, is no reference for what comes.
    """
    kspace = found.known.kspace
    outcomes = outcomes_of(kspace, points, CalibrationSettings(), known=found.known) if points else []
    witness = found.known.witness
    unsure = set(() if witness is None else witness.standing_out)
    # Of what the models are sure of much is a spark, although nobody can tell it from the signal: unless it is as it
    # was in two earlier ones.
    left = found.refused - found.points.keys()
    unsure |= {place for place in left if witness is None or witness.predicted_at(place) is None}
    # Most k-spaces are clean, and need no second copy.
    data = kspace.data.copy() if points or unsure else kspace.data
    for point, outcome in zip(points, outcomes, strict=True):
        place = point.place
        unsure.add(place)
        if outcome.values is not None:
            data[(list(point.receivers_repaired), *place)] = outcome.values
            unsure.discard(place)
    for place in unsure:
        predicted = None if witness is None else witness.predicted_at(place)
        if predicted is not None:
            # Its neighbours are predicted from it, too, and it may be a spark.
            data[(slice(None), *place)] = predicted
    changes = None if witness is None else witness.usual_changes
    memory.accept(kspace, None if data is kspace.data else data, unsure, changes)
    return carried(kspace, points, outcomes, _told(found.known, points))


def _told(known: Predictions, points: Sequence[Point]) -> list[ComplexArray | None]:
    """Give what earlier k-spaces say of points, in the receivers of each; None where they say nothing."""
    told: list[ComplexArray | None] = [None] * len(points)
    for predicted in known.of(points, range(len(points))) if known.witness is not None and points else ():
        if predicted.series is not None:
            for index, step in predicted.burst.points:
                # A burst holds the receivers of all its points, a point maybe fewer; both are sorted.
                rows = np.searchsorted(predicted.burst.receivers, points[index].receivers_repaired)
                told[index] = predicted.series.values[rows, step]
    return told
