"""Decision: whether a flagged sample is repaired, and why not where it is left as it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.kspace import KSpace
from gadgets.records import Point, RepairMethod
from gadgets.repair.candidates import Candidate

LARGEST = 4.0
"""Deviation of a sample in one receiver that clean samples hardly ever reach."""

OVERALL = 6.0
"""Mean square deviations over `n` receivers that clean samples hardly ever reach: ``1 + OVERALL / sqrt(n)``."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What is to become of one point: ``values`` for its receivers by ``method``, or the reason why not."""

    method: RepairMethod | None = None
    values: ComplexArray | None = None
    refusal: str = ""


def decide(
    candidate: Candidate | None, recorded: ComplexArray, method: str, rows: NDArray[np.int_], step: int
) -> Outcome:
    """Decide on one point: `rows` are its receivers among those of its burst, `step` its place in the burst."""
    if candidate is None:
        return Outcome(
            refusal="the sample opposite the centre of k-space was not measured, or is taken for a spark too"
        )
    values = candidate.values[rows, step]
    if method != "auto":
        return Outcome(method=candidate.method, values=values)
    if not np.isfinite(candidate.error[rows, step]).all():
        return Outcome(refusal="too few clean samples lie nearby to test a repair")
    deviation = deviation_of(candidate, recorded)[rows, step]
    # Squared deviations of complex Gaussian errors have mean 1 and standard deviation 1, and their mean over n
    # independent receivers scatters by 1 / sqrt(n).
    if deviation.max() <= LARGEST and np.mean(deviation**2) <= 1 + OVERALL / np.sqrt(len(rows)):
        times = f"{deviation.max():.1f} times the usual error of a prediction"
        return Outcome(refusal=f"hardly differs from what belongs there ({times})")
    return Outcome(method=candidate.method, values=mended_by(values, recorded[rows, step], deviation))


def mended_by(values: ComplexArray, recorded: ComplexArray, deviation: FloatArray) -> ComplexArray:
    """Put predicted values in place of recorded ones, as far as these deviate from them."""
    mended: ComplexArray = recorded + share_of(deviation) * (values - recorded)
    return mended


def share_of(deviation: FloatArray) -> FloatArray:
    """Give the share of a change that is made, for the same reason: see :func:`mended_by`."""
    # What is not the prediction's own error: a receiver that was hardly hit keeps nearly what it recorded.
    # This is the Wiener filter's share, 1 - error^2 / distance^2, and zero where the distance is within the error.
    return np.asarray(1 - 1 / np.maximum(deviation, 1) ** 2)


def deviation_of(candidate: Candidate, recorded: ComplexArray) -> FloatArray:
    """Distance between recorded and predicted samples in units of the error nearby, shape ``(receiver, sample)``.

    Zero where that error is not known (infinite).
    """
    distance = np.abs(recorded - candidate.values).astype(np.float64)
    # A silent receiver is predicted without any error: it deviates not at all, or beyond all measure.
    return np.divide(distance, candidate.error, out=np.where(distance > 0, np.inf, 0.0), where=candidate.error > 0)


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


def is_inside(kspace: KSpace, point: Point) -> bool:
    """Tell whether a point names a sample and receivers that this k-space has."""
    place = (point.partition, point.line, point.sample)
    inside = all(0 <= index < n for index, n in zip(place, kspace.data.shape[1:], strict=True))
    receivers = point.receivers_repaired
    return inside and (not receivers or 0 <= min(receivers) <= max(receivers) < kspace.n_coils)
