"""Decision: whether a flagged sample is repaired, and why not where it is left as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.kspace import KSpace
from gadgets.records import Point, RepairMethod
from gadgets.repair.candidates import Candidate

LARGEST = 4.0
"""Deviation of a sample in one receiver that clean samples hardly ever reach: of Gaussian errors one in nine million,
but errors are measured on few places, and have longer tails."""

OVERALL = 6.0
"""Mean square deviations over `n` receivers that clean samples hardly ever reach: ``1 + OVERALL / sqrt(n)``."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What is to become of one point: ``values`` for its receivers by ``method``, or the reason why not."""

    method: RepairMethod | None = None
    values: ComplexArray | None = None
    refusal: str = ""


class Departures:
    """How far bursts are from what belongs there: rows of the samples of all of them, each as ``(receiver, sample)``.

    Attributes
    ----------
    distance
        Between what was recorded and what is predicted.
    deviation
        The same in units of the error nearby, see :func:`deviation_of`.
    mended
        Predicted values in place of recorded ones, as far as these deviate from them.
    error
        Of the prediction.
    error_left
        Of what is mended: as far as a sample is changed, so far the prediction's error is its own.
    """

    def __init__(self, candidates: Sequence[Candidate], recorded: Sequence[ComplexArray]) -> None:
        changes = [candidate.values - each for candidate, each in zip(candidates, recorded, strict=True)]
        # Magnitudes burst by burst: candidates differ in their precision.
        self.distance: FloatArray = _row([np.abs(change) for change in changes])
        self.error: FloatArray = _row([candidate.error for candidate in candidates])
        self.deviation = deviation_of(self.distance, self.error)
        # What is not the prediction's own error: a receiver that was hardly hit keeps nearly what it recorded.
        # This is the Wiener filter's share, 1 - error^2 / distance^2, and zero where the distance is within the error.
        share = 1 - 1 / np.maximum(self.deviation, 1) ** 2
        self.mended: ComplexArray = _row(recorded) + share * _row(changes)
        # Nothing where nothing is changed, however large an error that nobody knows may be.
        self.error_left = np.multiply(self.error, share, out=np.zeros_like(self.error), where=share > 0)
        sizes = np.array([each.size for each in recorded])
        self._starts = np.cumsum(sizes) - sizes
        self._lengths = np.array([each.shape[1] for each in recorded])

    def at(self, burst: int | IntArray, receiver: IntArray, step: int | IntArray) -> IntArray:
        """Give the place in the rows of a receiver and a sample of a burst, all by their numbers; or of many."""
        return np.asarray(self._starts[burst] + receiver * self._lengths[burst] + step)


def _row(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([part.ravel() for part in parts])


def deviation_of(distance: FloatArray, error: FloatArray) -> FloatArray:
    """Give distances between recorded and predicted samples in units of the error nearby; shape kept.

    Zero where that error is not known (infinite).
    """
    # A silent receiver is predicted without any error: it deviates not at all, or beyond all measure.
    beyond = np.where(distance > 0, np.inf, 0.0)
    return np.divide(distance.astype(np.float64), error, out=beyond, where=error > 0)


def decide(method: RepairMethod, departures: Departures, places: IntArray) -> Outcome:
    """Decide on one point by what is measured best there; `places` are those of its receivers in the rows."""
    if not np.isfinite(departures.error[places]).all():
        return Outcome(refusal="too few clean samples lie nearby to test a repair")
    deviation = departures.deviation[places]
    # Squared deviations of complex Gaussian errors have mean 1 and standard deviation 1, and their mean over n
    # independent receivers scatters by 1 / sqrt(n).
    if deviation.max() <= LARGEST and np.mean(deviation**2) <= 1 + OVERALL / np.sqrt(len(places)):
        times = f"{deviation.max():.1f} times the usual error of a prediction"
        return Outcome(refusal=f"hardly differs from what belongs there ({times})")
    return Outcome(method=method, values=departures.mended[places])


def fault_of(kspace: KSpace, point: Point) -> str:
    """Say why a point cannot be repaired in this k-space at all; empty if it can."""
    place = (point.partition, point.line, point.sample)
    if not point.receivers_repaired:
        return "no receiver was hit"
    if point.values and len(point.values) != len(point.receivers_repaired):
        return f"expected a value for each of {len(point.receivers_repaired)} receivers, found {len(point.values)}"
    if not is_inside(kspace, point):
        return f"outside of the k-space: receivers {point.receivers_repaired} at {place}, shape {kspace.data.shape}"
    if not kspace.sampled[place]:
        return "nothing was measured at this place"
    if not np.isfinite(kspace.data[(list(point.receivers_repaired), *place)]).all():
        return "the recorded value is no number (NaN or infinite)"
    return ""


def can_be_judged(kspace: KSpace, places: Sequence[tuple[int, int, int]]) -> BoolArray:
    """Tell which places (partition, line, sample) are such that all receivers recorded a number, shape ``(n,)``."""
    indices = np.array(places, dtype=np.int_).reshape(-1, 3)
    can_be: BoolArray = np.all((indices >= 0) & (indices < kspace.sampled.shape), axis=1)
    inside = tuple(indices[can_be].T)
    can_be[can_be] = kspace.sampled[inside] & np.isfinite(kspace.data[(slice(None), *inside)]).all(axis=0)
    return can_be


def is_inside(kspace: KSpace, point: Point) -> bool:
    """Tell whether a point names a sample and receivers that this k-space has."""
    n_coils, n_partitions, n_lines, n_samples = kspace.data.shape
    receivers = point.receivers_repaired
    return (
        0 <= point.partition < n_partitions
        and 0 <= point.line < n_lines
        and 0 <= point.sample < n_samples
        and (not receivers or 0 <= min(receivers) <= max(receivers) < n_coils)
    )
