"""Sparks that come in step with the sequence: always at one moment of the readout, of the TR or of an echo train."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise, takewhile

from gadgets.findings.pattern import FEWEST, Extents, Pattern, Spans, is_no_chance
from gadgets.findings.sparks import Spark
from gadgets.indices import Indices

NEAR = 2
"""Samples by which the places of synchronous sparks may differ."""

APART = 0.01
"""Of the time of the scan: sparks that are nearer to each other may be one event that went on for a while."""

TURNS = {"slice": "slice", "contrast": "echo (contrast)", "set": "set"}
"""Counters of k-spaces that a sequence reads in turns, and what they are called."""

SOURCES = (
    "A source that runs in step with the sequence, as a gradient that switches, or another device that is triggered"
)


def same_position(sparks: Sequence[Spark], extents: Extents) -> Pattern | None:
    """Name the sample of the readout at which most sparks lie."""
    middles = Counter(spark.samples[len(spark.samples) // 2] for spark in sparks)
    # Of the shortest readouts, in which chance brings the most sparks to one place.
    n_samples = min(extents[spark.indices].shape[3] for spark in sparks)
    position, near = max(
        ((middle, sum(middles[middle + step] for step in range(-NEAR, NEAR + 1))) for middle in set(middles)),
        key=lambda entry: entry[1],
    )
    share = (2 * NEAR + 1) / max(n_samples, 1)
    # One of the sparks gives the place; that the others lie there too is what may be chance, at any of the places.
    if len(sparks) < FEWEST or 2 * near < len(sparks) or not is_no_chance(len(sparks), near, share, n_samples):
        return None
    return Pattern(
        kind="position",
        brief=f"{near} of them at sample {position} of their readouts",
        advice=f"{near} of {len(sparks)} sparks at the same moment of the readout (sample {position}). {SOURCES}.",
    )


def same_moment(sparks: Sequence[Spark], extents: Extents, spans: Spans) -> Pattern | None:
    """Name the slice, echo or line in which most sparks lie, where that means a moment of the TR or of a train."""
    return _same_turn(sparks, spans) or _same_line(sparks, extents, spans)


def _same_turn(sparks: Sequence[Spark], spans: Spans) -> Pattern | None:
    for counter, name in TURNS.items():
        # Of all k-spaces, not of those with sparks: the more of them there were, the less likely is one by chance.
        values = {getattr(indices, counter) for indices in spans}
        # Slices that are read one after the other share no moment of the TR, however many of the sparks one of them
        # has.
        in_turn = _in_turn(counter, spans)
        hits = Counter(getattr(spark.indices, counter) for spark in sparks if spark.indices in in_turn)
        if len(values) < 2 or not hits:
            continue
        (value, often), n = hits.most_common(1)[0], len(sparks)
        if n >= FEWEST and 2 * often >= n and is_no_chance(n, often, 1 / len(values), len(values)):
            return Pattern(
                kind="moment",
                brief=f"{often} of them in {name} {value}, always at the same moment of the TR",
                advice=f"{often} of {n} sparks in {name} {value}, which is read in turns with others: always at the "
                f"same moment of the TR. {SOURCES}.",
            )
    return None


def _in_turn(counter: str, spans: Spans) -> set[Indices]:
    """Give the k-spaces beside which another one, that differs in a counter alone, was read most of the time."""
    alike: dict[Indices, list[Indices]] = {}
    for indices in spans:
        alike.setdefault(indices.model_copy(update={counter: 0}), []).append(indices)
    return {each for group in alike.values() for each in _beside_others(group, spans)}


def _beside_others(group: Sequence[Indices], spans: Spans) -> Iterator[Indices]:
    """Give the k-spaces beside which another one was read for more than half of their own time.

    Slices that are read one after the other touch each other at most.
    """
    # In order of time, so that each is compared with those that it may overlap, and not with thousands of others.
    ordered = sorted(group, key=lambda indices: spans[indices])
    latest = -math.inf
    for number, each in enumerate(ordered):
        end = spans[each][1]
        later = (spans[other] for other in islice(ordered, number + 1, None))
        if 2 * min(latest, end) > sum(spans[each]) or _is_beside(spans[each], later):
            yield each
        latest = max(latest, end)


def _is_beside(span: tuple[int, int], later: Iterable[tuple[int, int]]) -> bool:
    start, end = span
    # What begins in the second half is beside less than a half.
    near = takewhile(lambda other: 2 * other[0] < start + end, later)
    return any(2 * (min(end, other[1]) - other[0]) > end - start for other in near)


def _same_line(sparks: Sequence[Spark], extents: Extents, spans: Spans) -> Pattern | None:
    times: dict[tuple[int, int], list[int]] = {}
    for spark in sparks:
        if spark.indices in spans:
            times.setdefault((spark.partition, spark.line), []).append(spark.time_stamp)
    if len(sparks) < FEWEST or not times:
        return None
    length = max(last for _, last in spans.values()) - min(first for first, _ in spans.values())
    (_, line), often = max(
        ((place, _n_apart(own, APART * length)) for place, own in times.items()), key=lambda entry: entry[1]
    )
    # Of the k-space with the fewest, in which chance brings the most sparks to one line.
    n_places = max(min(math.prod(extents[spark.indices].shape[1:3]) for spark in sparks), 1)
    n = len(sparks)
    if often < FEWEST or 2 * often < n or not is_no_chance(n, often, 1 / n_places, n_places):
        return None
    return Pattern(
        kind="moment",
        brief=f"{often} of them in line {line}, each at another time",
        advice=f"{often} of {n} sparks in line {line} of k-spaces that were read at different times: always at the "
        f"same moment of an echo train or of a repetition. {SOURCES}.",
    )


def _n_apart(times: Sequence[int], distance: float) -> int:
    """Count times that lie further from the one before than a distance."""
    ordered = sorted(times)
    return 1 + sum(later - earlier > distance for earlier, later in pairwise(ordered))
