"""The second opinion on what a look suspects: one by one, those that hide each other together, and in the end all."""

from __future__ import annotations

from collections.abc import Sequence

from gadgets.detection.confirmation import confirm, explained_by_others
from gadgets.detection.crowds import beside_obvious, find_hidden, of_confirmed_bursts, surprising
from gadgets.detection.found import Found, Mended
from gadgets.detection.suspects import Suspect
from gadgets.records import Point

MOST_POINTS = 256
"""More points than these are no sparks, but interference, and not worth more than the usual looks."""


def conspicuous(mended: Mended, seen: Sequence[Suspect], found: Found) -> list[Point]:
    """Confirm the suspects that the models suspect one by one, and note what was found."""
    unknown = [suspect for suspect in seen if suspect.place not in found.points]
    beside = beside_obvious(unknown)
    suspected = [suspect for suspect in unknown if not suspect.is_hint] + surprising(beside)
    # A whole k-space is mended for suspects alone: most looks find none.
    new = confirm(suspected, found.predictions(mended), caution=found.caution) if suspected else []
    new = of_confirmed_bursts(new, beside)
    found.refuse(suspected)
    found.obvious |= {suspect.place for suspect in [*suspected, *beside] if suspect.is_obvious or suspect.is_hint}
    return found.add(new)


def hidden(seen: Sequence[Suspect], found: Found) -> list[Point]:
    """Confirm the suspects that hide each other, and note what was found."""
    points = list(found.points.values())
    known = found.points.keys() | found.obvious
    unknown = [suspect for suspect in seen if suspect.place not in known]
    hidden = find_hidden(found.known.kspace, unknown, points)
    new = confirm(hidden, found.known, points, found.caution)
    # One sample out of many that were chosen together is no spark among others, but what an image leaks.
    if not points and len(new) <= 1 and 2 * len(new) < len(hidden):
        return []
    return found.add(new)


def take_back_explained(found: Found) -> None:
    """Take back the points that are explained by others, which a later look has found."""
    # What two looks found, the second finding nothing more, was confirmed together.
    if found.looks <= 2 or len(found.points) > MOST_POINTS:
        return
    for point in explained_by_others(list(found.points.values()), found.known, found.caution):
        del found.points[point.place]
        found.refused.discard(point.place)
