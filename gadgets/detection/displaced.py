"""Displaced readouts: acquired while the object lay elsewhere. Far too many of their samples deviate for sparks.

Models and predictions take many of them for sparks, look after look, and the rest of the readout comes to look unusual.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gadgets.detection.confirmation import Confirmed

TOO_MANY, AMONG = 12, 16
"""Points among so many neighbouring samples of a readout that are hardly sparks any more: one lasts up to six samples.
Of 1360 draws with eight sparks or fewer 6 have as many, as three bursts meet; displaced readouts had 9 to 32."""

AS_LOUD = 1.4
"""Times that these points together may be as loud as what belongs there: displaced readouts are as loud as any other,
0.5 to 1.2 times. Of four crowds in which three bursts met three were 1.6 to 6 times as loud."""


def displaced_readouts(confirmed: Sequence[Confirmed]) -> set[tuple[int, int]]:
    """Name the readouts, partition and line, in which too many points lie together that are loud as the signal is."""
    by_readout: dict[tuple[int, int], list[Confirmed]] = {}
    for each in confirmed:
        # Away from the signal there is nothing to be displaced: what is obvious there is what it seems.
        if not each.is_obvious:
            by_readout.setdefault(each.point.place[:2], []).append(each)
    return {place for place, points in by_readout.items() if _is_displaced(points)}


def _is_displaced(points: Sequence[Confirmed]) -> bool:
    samples = sorted(each.point.sample for each in points)
    # From each to the one that makes them too many; none, where there are fewer.
    spans = [last - first for first, last in zip(samples, samples[TOO_MANY - 1 :], strict=False)]
    if min(spans, default=AMONG) >= AMONG:
        return False
    recorded = np.linalg.norm(np.concatenate([each.recorded for each in points]))
    return bool(recorded < AS_LOUD * np.linalg.norm(np.concatenate([each.mended for each in points])))
