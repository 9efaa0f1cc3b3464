"""Trends: how many sparks there were by day, hour, protocol or receiver, and whether it gets worse."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import fmean, variance
from typing import Literal, NamedTuple, get_args

from gadgets.logbook import ScanEntry

By = Literal["day", "hour", "protocol", "receiver"]
BY: tuple[str, ...] = get_args(By)

FEWEST_SCANS = 6
"""That can show a direction."""

LOOKS = ("inspect", "image")
"""Sources that may look at a scan again that was recorded before."""

CLEAR = 2.0
"""Standard deviations by which two counts of sparks differ where it is no chance."""


class Trend(NamedTuple):
    """One row: scans, how many of them had sparks, and sparks."""

    name: str
    scans: int
    with_sparks: int
    sparks: int


def trends_of(entries: Sequence[ScanEntry], by: By) -> list[Trend]:
    """Count scans and sparks, sorted by name; receivers by number, over the scans that had them."""
    if by == "receiver":
        return _by_receiver(entries)
    groups: dict[str, list[ScanEntry]] = {}
    for entry in entries:
        groups.setdefault(_name_of(entry, by), []).append(entry)
    return [
        Trend(name, len(group), sum(bool(each.sparks) for each in group), sum(each.sparks for each in group))
        for name, group in sorted(groups.items())
    ]


def _name_of(entry: ScanEntry, by: By) -> str:
    if by == "protocol":
        return entry.protocol or "(no name)"
    return entry.local[:10] if by == "day" else f"{entry.local[11:13]}:00"


def _by_receiver(entries: Sequence[ScanEntry]) -> list[Trend]:
    sparks: Counter[tuple[int, str]] = Counter()
    hit: Counter[tuple[int, str]] = Counter()
    had: Counter[tuple[int, str]] = Counter()
    for entry in entries:
        here = Counter(
            (receiver, entry.coils[receiver] if receiver < len(entry.coils) else "")
            for spark in entry.found
            for receiver in spark.receivers
        )
        sparks.update(here)
        hit.update(here.keys())
        # A header need not name its receivers; then those with sparks are all that is known.
        had.update(here.keys() | set(enumerate(entry.coils)))
    return [
        Trend(" ".join(filter(None, (str(receiver), name))), had[receiver, name], hit[receiver, name], count)
        for (receiver, name), count in sorted(sparks.items())
    ]


def direction_of(entries: Sequence[ScanEntry]) -> str:
    """Say whether it gets worse: the later half of the scans that were judged against the earlier, without looks."""
    n_all = len(entries)
    entries = [entry for entry in entries if entry.source not in LOOKS and not entry.is_unjudged]
    n_without = n_all - len(entries)
    # The table above counts them.
    without = f" Looks at files and what was not judged do not count here ({n_without} of {n_all})." * (n_without > 0)
    if len(entries) < FEWEST_SCANS:
        return f"Too few scans to say whether it gets worse ({len(entries)} of {FEWEST_SCANS}).{without}"
    # By number, not by time: both halves then count about as many scans, however unevenly they came.
    middle = len(entries) // 2
    halves = entries[:middle], entries[middle:]
    counts = [[entry.sparks for entry in half] for half in halves]
    earlier, later = map(fmean, counts)
    # Sparks that come one by one scatter by the root of their number; those that crowd in a few scans scatter more.
    scatter = math.sqrt(sum(max(fmean(half), variance(half)) / len(half) for half in counts))
    word = "No clear change"
    if abs(later - earlier) > CLEAR * scatter:
        word = "It gets worse" if later > earlier else "It gets better"
    return f"{word}: {earlier:.2f} sparks per scan in the earlier half, {later:.2f} in the later one.{without}"
