"""Patterns: what many sparks have in common, which tells the service engineer where to look.

A pattern is named where sparks share something that chance would hardly make them share (:data:`CHANCE`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from gadgets.findings.facts import ScanFacts, named_receivers
from gadgets.findings.sparks import Spark
from gadgets.indices import Indices
from gadgets.records import Record

CHANCE = 1e-3
"""Probability that sparks without anything in common look as if they had it."""

FEWEST = 4
"""Sparks that can show a pattern in time or place."""

MOST_OF_THEM = 0.8
FEW_RECEIVERS, FEW_SHARE = 4, 0.25
"""At most so many receivers, and at most this share of all, are a cluster; half of all and more are everywhere."""

NEAR = 2
"""Samples by which the places of synchronous sparks may differ."""

EDGE = 0.75
"""Of the way from the centre to the border: beyond it a gradient is near its largest."""

LAST = 0.75
"""Of the time of the scan."""

Kind = Literal["receivers", "everywhere", "position", "gradient", "end"]


class Pattern(Record):
    """What sparks have in common: ``brief`` completes a sentence, ``advice`` says what it may come from."""

    kind: Kind
    brief: str
    advice: str


def patterns_in(
    sparks: Sequence[Spark],
    facts: ScanFacts,
    extents: Mapping[Indices, tuple[int, int, int, int]],
    moments: tuple[int, int],
) -> tuple[Pattern, ...]:
    """Name what sparks have in common, the most telling first.

    Parameters
    ----------
    sparks
        Of one scan.
    facts
        What the header says.
    extents
        Receivers, partitions, lines and samples of each k-space.
    moments
        First and last time stamp of the scan.
    """
    if not sparks:
        return ()
    found = [
        _few_receivers(sparks, facts, extents),
        _same_position(sparks, extents),
        _strong_gradient(sparks, extents),
        _end_of_scan(sparks, moments),
    ]
    named = [pattern for pattern in found if pattern is not None]
    everywhere = _everywhere(sparks, extents)
    # What hits all receivers says little where a place or a time is known.
    return tuple(named) if named or everywhere is None else (everywhere,)


def _few_receivers(
    sparks: Sequence[Spark], facts: ScanFacts, extents: Mapping[Indices, tuple[int, int, int, int]]
) -> Pattern | None:
    n_coils = max(extents[spark.indices][0] for spark in sparks)
    counts = Counter(receiver for spark in sparks for receiver in spark.receivers)
    often = [receiver for receiver, count in counts.most_common() if count >= MOST_OF_THEM * len(sparks)]
    among = [spark for spark in sparks if set(spark.receivers) <= set(often)]
    most = max(1, min(FEW_RECEIVERS, int(FEW_SHARE * n_coils)))
    if n_coils < 2 or not often or len(often) > most or len(among) < MOST_OF_THEM * len(sparks):
        return None
    where = named_receivers(sorted(often), facts.coils)
    return Pattern(
        kind="receivers",
        brief=f"clustered in {where}" if len(sparks) > 1 else f"in {where} alone",
        advice=f"Only {where}: look at the cable, the plug, the switch and the preamplifier of that channel first.",
    )


def _everywhere(sparks: Sequence[Spark], extents: Mapping[Indices, tuple[int, int, int, int]]) -> Pattern | None:
    wide = [spark for spark in sparks if 2 * len(spark.receivers) > extents[spark.indices][0] > 1]
    if len(sparks) < FEWEST or len(wide) < MOST_OF_THEM * len(sparks):
        return None
    return Pattern(
        kind="everywhere",
        brief="in most receivers at moments without order",
        advice="Most receivers at once, at moments without order: a discharge in the room (loose metal, a lamp, "
        "static electricity, a vibrating screw) rather than a receiver.",
    )


def _same_position(sparks: Sequence[Spark], extents: Mapping[Indices, tuple[int, int, int, int]]) -> Pattern | None:
    middles = [spark.samples[len(spark.samples) // 2] for spark in sparks]
    n_samples = min(extents[spark.indices][3] for spark in sparks)
    position, near = max(
        ((middle, sum(abs(other - middle) <= NEAR for other in middles)) for middle in set(middles)),
        key=lambda entry: entry[1],
    )
    # One of the sparks gives the place; that the others lie there too is what may be chance, at any of the places.
    chance = n_samples * _tail(len(sparks), near, (2 * NEAR + 1) / max(n_samples, 1))
    if len(sparks) < FEWEST or 2 * near < len(sparks) or chance > CHANCE:
        return None
    return Pattern(
        kind="position",
        brief=f"{near} of them at sample {position} of their readouts",
        advice=f"{near} of {len(sparks)} sparks at the same moment of the readout (sample {position}): a source "
        "that runs in step with the sequence, as a gradient that switches or a pulse of another device.",
    )


def _strong_gradient(sparks: Sequence[Spark], extents: Mapping[Indices, tuple[int, int, int, int]]) -> Pattern | None:
    for axis, name in ((2, "line (phase-encoding)"), (1, "partition (slice-encoding)")):
        sizes = [extents[spark.indices][axis] for spark in sparks]
        places = [spark.line if axis == 2 else spark.partition for spark in sparks]
        if min(sizes) < 8:
            continue
        outer = sum(abs(2 * place / (size - 1) - 1) > EDGE for place, size in zip(places, sizes, strict=True))
        if outer >= MOST_OF_THEM * len(sparks) and _tail(len(sparks), outer, 1 - EDGE) <= CHANCE:
            return Pattern(
                kind="gradient",
                brief=f"{outer} of them where the gradient of the {name} axis is strongest",
                advice=f"{outer} of {len(sparks)} sparks where the gradient of the {name} axis is strongest: a contact "
                "that this gradient shakes, or its cables.",
            )
    return None


def _end_of_scan(sparks: Sequence[Spark], moments: tuple[int, int]) -> Pattern | None:
    first, last = moments
    if last <= first:
        return None
    late = sum((spark.time_stamp - first) / (last - first) > LAST for spark in sparks)
    if late < MOST_OF_THEM * len(sparks) or _tail(len(sparks), late, 1 - LAST) > CHANCE:
        return None
    return Pattern(
        kind="end",
        brief=f"{late} of them in the last quarter of the scan",
        advice=f"{late} of {len(sparks)} sparks in the last quarter of the scan: something warms up or came loose.",
    )


def _tail(n: int, k: int, probability: float) -> float:
    """Probability that at least `k` of `n` have a property that each has with a probability, by chance."""
    return sum(math.comb(n, each) * probability**each * (1 - probability) ** (n - each) for each in range(k, n + 1))
