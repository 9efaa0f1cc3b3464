"""Confirmation: what the predictions of suspects, alone or together, say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.detection.suspects import Suspect
from gadgets.detection.verdict import are_sparks, hit_from, receivers_of
from gadgets.records import Point
from gadgets.repair import Compared, Flagged, Predictions, compare, deviations


@dataclass(frozen=True, eq=False)
class Confirmed:
    """A point that was confirmed.

    Attributes
    ----------
    recorded, mended
        What was acquired, and what is to be seen in its place at the next look, shape ``(receiver,)``.
    is_obvious
        As of its suspect.
    """

    point: Point
    recorded: ComplexArray
    mended: ComplexArray
    is_obvious: bool = False


def confirm(
    suspects: Sequence[Suspect],
    known: Predictions,
    crowd: Sequence[Point | Flagged] | None = None,
    caution: float = 1.0,
) -> list[Confirmed]:
    """Keep the suspects that their predictions confirm; name their receivers and their moment.

    Parameters
    ----------
    suspects
        Those to be judged.
    known
        What has been predicted of the k-space that they were seen in.
    crowd
        Where suspects were found together: what else is wrong in this k-space, and tells nothing about them. None
        where the models suspect each of them alone.
    caution
        Times that deviations have to be larger than usual.
    """
    if not suspects:
        return []
    kspace = known.kspace
    places = [Flagged(*suspect.place) for suspect in suspects]
    # The suspects come first, then the crowd.
    compared = compare(kspace, [*places, *(crowd or ())], known)
    in_crowd = np.array([crowd is not None or suspect.is_beside for suspect in suspects])
    is_confirmed = _is_confirmed(suspects, compared, in_crowd, caution)
    strengths = _Strengths(compared, [known.noise(place.partition) for place in places])
    confirmed = []
    for row in np.flatnonzero(is_confirmed).tolist():
        suspect, (partition, line, sample) = suspects[row], suspects[row].place
        # Receivers are named from the deviation and not from the models, which look at all receivers together.
        hit = np.flatnonzero(compared.deviation[row] > hit_from(caution))
        repaired = receivers_of(hit, kspace.n_coils)
        point = Point(
            partition=partition,
            line=line,
            sample=sample,
            probability=suspect.probability,
            receivers_repaired=repaired,
            values=suspect.values_of(repaired),
            scan_counter=int(kspace.scan_counter[partition, line]),
            time_stamp=int(kspace.time_stamp[partition, line]),
            **strengths.of(row, hit, repaired),
        )
        recorded = kspace.data[(list(repaired), *suspect.place)]
        confirmed.append(Confirmed(point, recorded, compared.mended[row, list(repaired)], suspect.is_obvious))
    return confirmed


def _is_confirmed(suspects: Sequence[Suspect], compared: Compared, in_crowd: BoolArray, caution: float) -> BoolArray:
    """Tell which suspects are sparks by all that is known, shape ``(n,)``; they come first in what was compared."""
    deviation, before = (each[: len(suspects)] for each in (compared.deviation, compared.unlike_before))
    is_spark = are_sparks(
        np.array([suspect.probability for suspect in suspects]),
        np.array([suspect.threshold for suspect in suspects]),
        deviation,
        in_core=np.array([suspect.in_core for suspect in suspects]),
        in_crowd=in_crowd,
        caution=caution * np.array([suspect.unrest for suspect in suspects]),
    )
    # Nobody but the series suspects these, and all things considered the series does not either.
    is_taken_back = np.array([suspect.is_unlike_before for suspect in suspects])
    is_taken_back &= np.isfinite(before).any(axis=1) & ~(before > hit_from(caution)).any(axis=1)
    return np.asarray(is_spark & ~is_taken_back)


class _Strengths:
    """How strongly points have hit their receivers, and what error a repair is expected to leave.

    Parameters
    ----------
    compared
        Points beside what belongs there.
    noise
        Of the receivers, for as many of the points as are asked for.
    """

    def __init__(self, compared: Compared, noise: Sequence[FloatArray]) -> None:
        level = np.stack(noise)
        # A silent receiver has no noise to compare with: the quietest of the others has to do.
        quietest = np.min(level, axis=1, keepdims=True, where=level > 0, initial=np.inf)
        unit = np.where(level > 0, level, np.where(np.isfinite(quietest), quietest, 1.0))
        self._over_noise = compared.distance[: len(unit)] / unit
        # Where it is not known no repair is made either.
        self._errors = np.nan_to_num(compared.error[: len(unit)] / unit, nan=0.0, posinf=0.0)

    def of(self, row: int, hit: IntArray, repaired: Sequence[int]) -> dict[str, Any]:
        """Give what is to be said of one point, by its number."""
        over_noise = self._over_noise[row, hit]
        strongest_first = np.argsort(-over_noise, kind="stable")
        return {
            # Those in which the spark is seen; what is repaired may be all of them, see `receivers_of`.
            "receivers": tuple(hit[strongest_first].tolist()),
            "over_noise": tuple(over_noise[strongest_first].tolist()),
            "error_left": float(np.linalg.norm(self._errors[row, list(repaired)])),
        }


def explained_by_others(points: Sequence[Point], known: Predictions, caution: float = 1.0) -> list[Point]:
    """Name the points that do not deviate any more where all points are left out: others were to blame.

    Parameters
    ----------
    points
        All that were confirmed, at several looks.
    known
        What has been predicted of the k-space as acquired.
    caution
        As in :func:`confirm`.
    """
    explained: list[Point] = []
    left = list(points)
    while left:
        # What cannot be judged without the others counts as 0, and goes first.
        largest = np.nanmax(deviations(known.kspace, left, known), axis=1, initial=0.0)
        order = np.argsort(largest)
        # The weaker half at a time: without them, the others may deviate again.
        weakest = {int(index) for index in order[: -(-int((largest <= hit_from(caution)).sum()) // 2)]}
        if not weakest:
            break
        explained += [left[index] for index in sorted(weakest)]
        left = [point for index, point in enumerate(left) if index not in weakest]
    return explained
