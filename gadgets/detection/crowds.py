"""Crowds: sparks around the centre of k-space that hide each other, until they are looked for together.

The models look at samples whose neighbours they take for good. Among eight sparks in some dozens of samples none is
conspicuous. What the models hold to be possible is searched for the set of samples without which the
image's background is dark (:mod:`gadgets.background.joint_search`), and that set is then confirmed as any other
suspects are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gadgets.arrays import IntArray
from gadgets.background import MOST, search_jointly
from gadgets.detection.confirmation import Confirmed
from gadgets.detection.echo_peak import FAINTEST_CONTRAST, LEAST_CONTRAST
from gadgets.detection.suspects import Suspect
from gadgets.kspace import KSpace, Plane, planes_of
from gadgets.local_statistics import BESIDE
from gadgets.records import Point
from gadgets.repair import Flagged, deviations_from_noise

DEVIATION, DEVIATION_IN_CORE = 7.0, 15.0
"""Deviations from which on a sample may belong to a crowd: in clean files samples outside of the core reach 6."""

LARGEST = 256
"""Samples that are searched at most, the likeliest ones: bounds the time, which grows with their square. Where more
than that have been found already, something else than sparks spoils the plane."""

DEVIATION_BESIDE, THRESHOLD_BESIDE = 3.5, 0.0067
"""What is asked of samples beside those that were found: a burst lasts up to six, and the weak samples spoil the repair
of the strong ones."""


def find_hidden(kspace: KSpace, suspects: Sequence[Suspect], points: Sequence[Point]) -> list[Suspect]:
    """Choose the suspects that deviate together from what all other samples predict.

    Parameters
    ----------
    kspace
        As acquired.
    suspects
        Samples that the models hold to be possible, near the centre or beside others, of any partition.
    points
        What has been found so far.
    """
    if not suspects or not kspace.is_gridded:
        return []
    loud, hidden = _out_of_noise(kspace, suspects, points)
    partitions = {suspect.place[0] for suspect in loud}
    others = [partition for partition in range(kspace.data.shape[1]) if partition not in partitions]
    for plane in planes_of(kspace, others) if loud else ():
        here = sorted((each for each in loud if each.place[0] == plane.partition), key=_least_likely_first)
        # Known sparks are withheld from the search: it has to explain what they leave, not them again.
        found = [(point.line, point.sample) for point in points if point.partition == plane.partition]
        if len(found) <= LARGEST:
            hidden += _hidden_in_plane(plane, here[-LARGEST:], found)
    return hidden


def beside_obvious(suspects: Sequence[Suspect]) -> list[Suspect]:
    """Choose the hints that lie beside an obvious suspect in its readout.

    The rest of a burst is weaker than its strongest sample. All were looked at without that sample: what does not
    surprise then is none of the burst, and no search is needed to see the rest.
    """
    obvious: dict[tuple[int, int], list[int]] = {}
    for partition, line, sample in (each.place for each in suspects if each.is_obvious and not each.is_hint):
        obvious.setdefault((partition, line), []).append(sample)
    return [
        suspect
        for suspect in suspects
        if suspect.is_hint
        and any(abs(suspect.place[2] - sample) <= BESIDE for sample in obvious.get(suspect.place[:2], ()))
    ]


def surprising(beside: Sequence[Suspect]) -> list[Suspect]:
    """Choose what surprises beside obvious suspects, with the threshold that it has there."""
    return [
        replace(suspect, threshold=min(suspect.threshold, THRESHOLD_BESIDE), is_beside=True)
        for suspect in beside
        if suspect.surprise >= DEVIATION_BESIDE
    ]


def of_confirmed_bursts(confirmed: Sequence[Confirmed], beside: Sequence[Suspect]) -> list[Confirmed]:
    """Leave out what lies beside suspects that were not confirmed: without its strongest sample it is no burst."""
    places = {suspect.place for suspect in beside}
    by_themselves = [each.point.place for each in confirmed if each.point.place not in places]
    return [
        each
        for each in confirmed
        if each.point.place not in places
        or any(
            each.point.place[:2] == other[:2] and abs(each.point.sample - other[2]) <= BESIDE for other in by_themselves
        )
    ]


def _out_of_noise(
    kspace: KSpace, suspects: Sequence[Suspect], points: Sequence[Point]
) -> tuple[list[Suspect], list[Suspect]]:
    """Give the suspects that lie among signal, and of those that lie in noise alone the ones that stand out of it.

    The noise says of a sample all that can be said there; no search over the whole plane says more.
    """
    places = [Flagged(*suspect.place) for suspect in suspects]
    deviations = deviations_from_noise(kspace, places, points)
    # NaN says that there is signal, of which the noise tells nothing.
    loud = [suspect for suspect, deviation in zip(suspects, deviations, strict=True) if np.isnan(deviation)]
    standing_out = []
    for suspect, deviation in zip(suspects, deviations, strict=True):
        if np.isnan(deviation):
            continue
        here = [(point.line, point.sample) for point in points if point.partition == suspect.place[0]]
        weighed, least = _weighed(suspect, here)
        if deviation >= least:
            standing_out.append(weighed)
    return loud, standing_out


def _least_likely_first(suspect: Suspect) -> float:
    return suspect.probability


def _hidden_in_plane(plane: Plane, suspects: Sequence[Suspect], found: Sequence[tuple[int, int]]) -> list[Suspect]:
    weighed = [_weighed(suspect, found) for suspect in suspects]
    candidates = _indices(plane, [suspect.place[1:] for suspect in suspects])
    thresholds = np.array([deviation for _, deviation in weighed])
    result = search_jointly(plane.data, _indices(plane, found), candidates, thresholds)
    # A search that ends at its limit has found no few sparks, but an image without a background; see MOST.
    if not 0 < len(result.chosen) < MOST or result.contrast < FAINTEST_CONTRAST:
        return []
    # Only now can the background be judged: the sparks lay over it.
    has_background = result.contrast_without >= LEAST_CONTRAST
    chosen = [weighed[number][0] for number in result.chosen]
    return [suspect for suspect in chosen if has_background or not suspect.in_core]


def _weighed(suspect: Suspect, found: Sequence[tuple[int, int]]) -> tuple[Suspect, float]:
    """Give a suspect with the threshold that it has beside what was found, and the deviation that is asked of it."""
    _, line, sample = suspect.place
    is_beside = any(line == other and abs(sample - there) <= BESIDE for other, there in found)
    if is_beside:
        return replace(suspect, threshold=min(suspect.threshold, THRESHOLD_BESIDE)), DEVIATION_BESIDE
    return suspect, DEVIATION_IN_CORE if suspect.in_core else DEVIATION


def _indices(plane: Plane, places: Sequence[tuple[int, int]]) -> IntArray:
    """Find places, line and sample of the k-space, in a plane; shape ``(n, 2)``."""
    # The shape is named, because an empty list would give an array of one axis.
    return np.array([plane.index_of(*place) for place in places], dtype=np.int_).reshape(-1, 2)
