"""History: a store of past results, of what users said of them, and of the impact that sparks had.

Source document: thresholds from historically set values and user feedback, the choice of a model by its accuracy in
past calibrations, and three impact levels from the magnitudes of recorded sparks that did no harm to the image, some,
or too much for a diagnosis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gadgets.errors import StoreError
from gadgets.patch_models.history_records import (
    IMPACTS,
    Feedback,
    Impact,
    ImpactRecord,
    Result,
    SetThresholds,
)
from gadgets.patches import REGIONS, Region, StandardValue

FEWEST_IMPACTS = 5
"""Records of an impact level from which on its magnitude is known."""

LEAST_SHARE = 0.1
"""A level begins where this share of the sparks with its impact, or a greater one, are weaker."""


@dataclass(frozen=True)
class History:
    """What a store holds, each kind of record in the order in which it was added.

    Of what was said of the same spark `feedback` holds the last, and so does `impacts`. `newest_feedback` is what was
    said since thresholds were set: who set them knew what had been said before.
    """

    results: Sequence[Result] = ()
    feedback: Sequence[Feedback] = ()
    impacts: Sequence[ImpactRecord] = ()
    source: str = "the history"
    thresholds: Sequence[SetThresholds] = ()
    newest_feedback: Sequence[Feedback] = ()

    def accuracy(self) -> dict[str, float]:
        """Give the mean accuracy of each architecture that has a result, every judged patch counting the same.

        A spark that a user confirmed was judged rightly, one that he rejected was not.
        """
        judged = [(result.architecture, result.accuracy, result.n_judged) for result in self.results]
        judged += [(each.architecture, float(each.was_spark), 1) for each in self.feedback if each.architecture]
        names = sorted({name for name, _, _ in judged})
        return {name: _mean([(share, n) for other, share, n in judged if other == name]) for name in names}

    def n_impacts(self) -> dict[Impact, int]:
        """Count the records of each impact level."""
        return {name: sum(each.impact == name for each in self.impacts) for name in IMPACTS}

    def max_of(self, impact: Impact | None, standard_value: StandardValue) -> dict[Region, float] | None:
        """Give the magnitude at which an impact level begins, by region; None where no level is asked for.

        Raises
        ------
        StoreError
            As :meth:`impact_levels`.
        """
        if impact is None:
            return None
        return {region: levels[impact] for region, levels in self.impact_levels(standard_value).items()}

    def impact_levels(self, standard_value: StandardValue) -> dict[Region, dict[Impact, float]]:
        """Learn the three magnitudes, in standard values, from which on sparks have an impact; by region.

        Each is the magnitude that nine of ten sparks with that impact, or a greater one, reach; none is below the one
        of a lower level. A region with too few records takes the levels of both regions together.

        Raises
        ------
        StoreError
            Both together are too few.
        """
        records = [record for record in self.impacts if record.standard_value == standard_value]
        levels = {region: _levels([each for each in records if each.region == region]) for region in REGIONS}
        # Most of k-space is outer, so records of the centre may long be too few to stand alone.
        together = _levels(records)
        if together is None and None in levels.values():
            counts = ", ".join(f"{sum(each.impact == name for each in records)} {name}" for name in IMPACTS)
            raise StoreError(
                f"{self.source}: expected {FEWEST_IMPACTS} impact records of each level in units of the standard value "
                f"{standard_value!r}, found {counts}"
            )
        # Never empty: where a region has none of its own, those of both together were there.
        return {region: own or together or {} for region, own in levels.items()}


def _mean(judged: Sequence[tuple[float, int]]) -> float:
    # Weighted: a result of one patch must not count as much as one of thousands.
    return sum(accuracy * n for accuracy, n in judged) / sum(n for _, n in judged)


def _levels(records: Sequence[ImpactRecord]) -> dict[Impact, float] | None:
    """Give the magnitude at which each level begins; None where a level has too few records."""
    by_impact: Mapping[Impact, list[float]] = {
        name: [record.magnitude for record in records if record.impact == name] for name in IMPACTS
    }
    if min(map(len, by_impact.values())) < FEWEST_IMPACTS:
        return None
    levels: dict[Impact, float] = {}
    least = 0.0
    for number, name in enumerate(IMPACTS):
        # What does more harm does this much, too: few records of one level are helped by those above it.
        as_harmful = [magnitude for other in IMPACTS[number:] for magnitude in by_impact[other]]
        least = max(least, float(np.quantile(as_harmful, LEAST_SHARE)))
        levels[name] = least
    return levels
