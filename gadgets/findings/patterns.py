"""Patterns: what the sparks of a scan have in common, which tells the service engineer where to look.

A pattern is named where sparks share something that chance would hardly make them share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from gadgets.arrays import BoolArray
from gadgets.findings.facts import ScanFacts
from gadgets.findings.in_step import same_moment, same_position
from gadgets.findings.pattern import FEWEST, MOST_OF_THEM, Extent, Extents, Pattern, Spans, is_no_chance
from gadgets.findings.sparks import Spark
from gadgets.findings.wording import named_receivers

FEW_RECEIVERS, FEW_SHARE = 4, 0.25
"""At most so many receivers, and at most this share of all, are a cluster; half of all and more are everywhere."""

FEWEST_PLACES = 8
"""Lines or partitions of which the outer ones can show a gradient."""

EDGE = 0.75
"""Of the way from the centre to the border: beyond it a gradient is near its largest."""

LAST = 0.75
"""Of the time of the scan."""


def patterns_in(
    sparks: Sequence[Spark],
    facts: ScanFacts,
    extents: Extents,
    spans: Spans,
) -> tuple[Pattern, ...]:
    """Name what sparks have in common, the most telling first.

    Parameters
    ----------
    sparks
        Of one scan.
    facts
        What the header says.
    extents, spans
        Size and time of each k-space.
    """
    if not sparks:
        return ()
    # In this order: what is named first is what the verdict takes up.
    found = [
        _few_receivers(sparks, facts, extents),
        same_position(sparks, extents),
        same_moment(sparks, extents, spans),
        _strong_gradient(sparks, extents),
        _end_of_scan(sparks, spans),
    ]
    named = [pattern for pattern in found if pattern is not None]
    everywhere = _everywhere(sparks, extents)
    # What hits all receivers says little where a place or a time is known.
    return tuple(named) if named or everywhere is None else (everywhere,)


def _few_receivers(sparks: Sequence[Spark], facts: ScanFacts, extents: Extents) -> Pattern | None:
    n_coils = max(extents[spark.indices].shape[0] for spark in sparks)
    counts = Counter(receiver for spark in sparks for receiver in spark.receivers)
    often = [receiver for receiver, count in counts.most_common() if count >= MOST_OF_THEM * len(sparks)]
    among = [spark for spark in sparks if set(spark.receivers) <= set(often)]
    # One receiver out of two or three is a cluster, too, although the share says none.
    most = max(1, min(FEW_RECEIVERS, int(FEW_SHARE * n_coils)))
    if n_coils < 2 or not often or len(often) > most or len(among) < MOST_OF_THEM * len(sparks):
        return None
    where = named_receivers(sorted(often), facts.coils)
    return Pattern(
        kind="receivers",
        brief=f"clustered in {where}" if len(sparks) > 1 else f"in {where} alone",
        advice=f"Only {where}: look at the cable, the plug, the switch and the preamplifier of "
        f"{'that channel' if len(often) == 1 else 'those channels'} first.",
    )


def _everywhere(sparks: Sequence[Spark], extents: Extents) -> Pattern | None:
    # Of a single receiver all is everywhere, which says nothing.
    wide = [spark for spark in sparks if 2 * len(spark.receivers) > extents[spark.indices].shape[0] > 1]
    if len(sparks) < FEWEST or len(wide) < MOST_OF_THEM * len(sparks):
        return None
    return Pattern(
        kind="everywhere",
        brief="in most receivers at moments without order",
        advice="Most receivers at once, at moments without order: a discharge in the room (loose metal, a lamp, "
        "static electricity, a vibrating screw) rather than a receiver.",
    )


def _strong_gradient(sparks: Sequence[Spark], extents: Extents) -> Pattern | None:
    for axis, name in ((1, "line (phase-encoding)"), (0, "partition (slice-encoding)")):
        of_extent = {extent: _strong_places(extent, axis) for extent in {extents[spark.indices] for spark in sparks}}
        strong = [of_extent[extents[spark.indices]] for spark in sparks]
        # Of fewer lines the outer quarter is one or two, which say nothing of a gradient.
        if min(map(len, strong)) < FEWEST_PLACES:
            continue
        outer = sum(bool(each[(spark.partition, spark.line)[axis]]) for spark, each in zip(sparks, strong, strict=True))
        # Lines of sparks without a cause are even over all of them. The largest share: what is asked is then no less.
        chance = max(float(each.mean()) for each in of_extent.values())
        if outer >= MOST_OF_THEM * len(sparks) and is_no_chance(len(sparks), outer, chance):
            return Pattern(
                kind="gradient",
                brief=f"{outer} of them where the gradient of the {name} axis is strongest",
                advice=f"{outer} of {len(sparks)} sparks where the gradient of the {name} axis is strongest: a contact "
                "that this gradient shakes, or its cables.",
            )
    return None


def _strong_places(extent: Extent, axis: int) -> BoolArray:
    """Mark the partitions (axis 0) or lines (axis 1) that a gradient near its largest encodes, shape ``(n,)``."""
    n, centre = extent.shape[axis + 1], extent.centre[axis]
    # The moment of the gradient is zero at the centre, which partial Fourier puts near one edge.
    distance = np.abs(np.arange(n) - (centre if any(extent.centre) else n // 2))
    return np.asarray(distance > EDGE * distance.max(initial=1))


def _end_of_scan(sparks: Sequence[Spark], spans: Spans) -> Pattern | None:
    if not spans:
        return None
    first, last = min(first for first, _ in spans.values()), max(last for _, last in spans.values())
    # A scan of a single readout has no end that differs from its beginning.
    if last <= first:
        return None
    late = sum((spark.time_stamp - first) / (last - first) > LAST for spark in sparks)
    if late < MOST_OF_THEM * len(sparks) or not is_no_chance(len(sparks), late, 1 - LAST):
        return None
    return Pattern(
        kind="end",
        brief=f"{late} of them in the last quarter of the scan",
        advice=f"{late} of {len(sparks)} sparks in the last quarter of the scan: something warms up or came loose.",
    )
