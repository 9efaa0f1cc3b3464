"""Thresholds that the past has shown to be good: from results, and from what users said of what was found.

Source document: preset values may come from what was set before and from users' feedback on the results (claims 8, 9).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from gadgets.patch_models.history_records import THRESHOLDS, Feedback, Result
from gadgets.patches import REGIONS, Region
from gadgets.settings import SparkDetectionSettings

Thresholds = Mapping[Region, float]
"""By region; a patch is a target strictly above its own, so that at 1 none is."""

FEWEST_FEEDBACK = 10
"""What users said of so many patches or points of a region counts; less leaves its threshold as it is."""

FEWEST_RESULTS = 3
"""A value that was set so often has shown what it is worth."""

MARGIN = 1.0
"""Logits between the threshold and the weakest sparks that users confirmed: nearer ones have weaker ones beneath."""

WEAKEST_SHARE = 0.05
"""Of the confirmed sparks: so many may be weaker than the weakest that counts."""


def thresholds_from_results(results: Sequence[Result], preset: Thresholds) -> Thresholds:
    """Take for each region the patch threshold that did best when it was set; settings without results are preset.

    A value counts from :data:`FEWEST_RESULTS` results on; of equally good ones the nearest to the preset is taken.
    """
    return {region: _best_set(results, THRESHOLDS[region], preset[region]) for region in REGIONS}


def thresholds_from_feedback(
    feedback: Sequence[Feedback], preset: Thresholds, of: Literal["patch", "point"] = "patch"
) -> Thresholds:
    """Move the threshold of each region to where users' feedback puts it.

    Raised so far that what users called false is no longer above it, unless that costs more sparks that they
    confirmed; lowered where the weakest of the confirmed sparks come near, if nothing false was there.

    Parameters
    ----------
    feedback
        Of any kind; a region with fewer records than :data:`FEWEST_FEEDBACK` keeps its threshold.
    preset
        Thresholds to begin with.
    of
        Whether to look at what was said of patches or of points.
    """
    records = {region: [each for each in feedback if (each.of, each.region) == (of, region)] for region in REGIONS}
    return {region: _moved(records[region], preset[region]) for region in REGIONS}


def _best_set(results: Sequence[Result], name: str, preset: float) -> float:
    default = float(SparkDetectionSettings.model_fields[name].default)
    accuracies: dict[float, list[float]] = defaultdict(list)
    for result in results:
        value = result.settings.get(name, default)
        # Results name only settings that are not the defaults.
        accuracies[float(default if value is None else value)].append(result.accuracy)
    known = [value for value, reached in accuracies.items() if len(reached) >= FEWEST_RESULTS]
    return max(known, key=lambda value: (np.mean(accuracies[value]), -abs(value - preset)), default=preset)


def _moved(records: Sequence[Feedback], preset: float) -> float:
    if len(records) < FEWEST_FEEDBACK:
        return preset
    confirmed = np.array([record.probability for record in records if record.was_spark])
    false = np.array([record.probability for record in records if not record.was_spark])
    # Confirmed sparks only lower it: that all of them lie far above does not make weaker ones false.
    start = min(preset, _below(float(np.quantile(confirmed, WEAKEST_SHARE)))) if confirmed.size else preset
    # Above which of the false ones to go: what stays false above it against what is lost of the confirmed below it.
    steps = np.unique([start, *false[false > start]])
    # Of equally good steps the lowest: argmin takes the first.
    mistakes = [np.sum(false > step) + np.sum(confirmed <= step) for step in steps]
    return float(steps[int(np.argmin(mistakes))])


def _below(probability: float) -> float:
    """Give the probability :data:`MARGIN` logits below."""
    odds = np.exp(-MARGIN) * probability / max(1 - probability, 1e-9)
    return float(odds / (1 + odds))
