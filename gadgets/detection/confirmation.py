"""Confirmation: what the predictions of suspects, alone or together, say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.detection.suspects import Suspect
from gadgets.detection.verdict import hit_from, is_spark, receivers_hit, receivers_of
from gadgets.records import Point
from gadgets.repair import Compared, Predictions, compare, deviations


@dataclass(frozen=True, eq=False)
class Confirmed:
    """A point that was confirmed, and what is to be seen in its place at the next look, shape ``(receiver,)``."""

    point: Point
    mended: ComplexArray


def confirm(
    suspects: Sequence[Suspect], known: Predictions, crowd: Sequence[Point] | None = None, caution: float = 1.0
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
    confirmed = []
    points = [suspect.point for suspect in suspects]
    compared, kspace = compare(known.kspace, [*points, *(crowd or ())], known), known.kspace
    # The suspects come first, then the crowd.
    for row, (suspect, point) in enumerate(zip(suspects, points, strict=True)):
        # Receivers are named from the deviation and not from the models, which look at all receivers together.
        deviation = compared.deviation[row]
        opinions = (suspect.probability, suspect.threshold, deviation)
        in_crowd = crowd is not None or suspect.is_beside
        before = compared.unlike_before[row]
        if suspect.is_unlike_before and np.isfinite(before).any() and not receivers_hit(before, caution).size:
            continue  # nobody but the series suspects it, and all things considered the series does not either
        if is_spark(*opinions, in_core=suspect.in_core, in_crowd=in_crowd, caution=caution):
            receivers = receivers_of(deviation, caution)
            found = {
                **_strength(compared, row, receivers, known.noise(point.partition), caution),
                "receivers_repaired": receivers,
                "values": suspect.values_of(receivers),
                "scan_counter": int(kspace.scan_counter[point.partition, point.line]),
                "time_stamp": int(kspace.time_stamp[point.partition, point.line]),
            }
            confirmed.append(Confirmed(point.model_copy(update=found), compared.mended[row, list(receivers)]))
    return confirmed


def _strength(
    compared: Compared, row: int, repaired: Sequence[int], noise: FloatArray, caution: float
) -> dict[str, Any]:
    """Say which receivers a point has hit, how strongly, and what error a repair is expected to leave."""
    # A silent receiver has no noise to compare with: the quietest of the others has to do.
    heard = noise[noise > 0]
    unit = np.where(noise > 0, noise, heard.min() if heard.size else 1.0)
    over_noise = compared.excess[row] / unit
    hit = receivers_hit(compared.deviation[row], caution)
    strongest_first = hit[np.argsort(-over_noise[hit], kind="stable")]
    # Where it is not known no repair is made either.
    errors = np.nan_to_num((compared.error[row] / unit)[list(repaired)], nan=0.0, posinf=0.0)
    return {
        # Those in which the spark is seen; what is repaired may be all of them, see `receivers_of`.
        "receivers": tuple(int(receiver) for receiver in strongest_first),
        "over_noise": tuple(float(strength) for strength in over_noise[strongest_first]),
        "error_left": float(np.linalg.norm(errors)),
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
