"""Thresholds: above which probability a patch is a target, or a sample abnormal (the judgment layer).

Source document: thresholds are preset, e.g. 0.5, by hand or from what was set before and what users said of the
results, and larger in the centre (claims 8, 9), where only a strong spark makes an artifact; an image without
artifacts raises them, e.g. from 0.5 to 0.9.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gadgets.patch_models.history import History
from gadgets.patch_models.history_records import Feedback
from gadgets.patch_models.learnt_thresholds import Thresholds, thresholds_from_feedback, thresholds_from_results
from gadgets.settings import SparkDetectionSettings
from onnx_models.model_entry import Architecture

PLAIN = 0.5
"""Threshold at which samples count by their own thresholds alone."""


@dataclass(frozen=True)
class JudgmentLayer:
    """The thresholds of patches by region, and those of samples, within the echo's peak ("centre") and beyond.

    ``caution`` is how many times larger than usual the deviation of a spark from its prediction has to be. ``source``
    says where they come from.
    """

    patches: Thresholds
    points: Thresholds
    caution: float = 1.0
    source: str = "settings"

    @property
    def by_name(self) -> dict[str, float]:
        """All of them, for the record."""
        named = {"patch": self.patches, "point": self.points}
        return {
            **{f"{what}_{region}": value for what, values in named.items() for region, value in values.items()},
            "caution": self.caution,
        }


def thresholds_of(settings: SparkDetectionSettings, history: History | None = None) -> JudgmentLayer:
    """Give the thresholds that the settings ask for: their own, or what the history has learnt, region by region.

    By the settings alone, the centre's are never below the rest's. Of past results those count that were reached with
    what judges patches now. What somebody has set last goes before settings and results; feedback since then moves it.
    """
    if settings.thresholds_from == "settings" or history is None:
        return _as_set(settings)
    if not history.thresholds:
        preset = _preset(settings)
        judges = architectures_that_judge(settings)
        # Results first, as they are measured; users' feedback then moves what came out.
        measured = thresholds_from_results([each for each in history.results if each.architecture in judges], preset[0])
        return _moved_by_feedback(JudgmentLayer(measured, preset[1], source="history"), history.feedback)
    last = history.thresholds[-1]
    by_hand = _as_set(settings.model_copy(update=last.values))
    who = f"history, set by {last.by or 'nobody named'} {last.at}".rstrip()
    return _moved_by_feedback(replace(by_hand, source=who), history.newest_feedback)


def _preset(settings: SparkDetectionSettings) -> tuple[Thresholds, Thresholds]:
    """Give the thresholds of patches and of samples that settings name."""
    patches: Thresholds = {
        # A real peak near the centre looks as a spark does, so less certainty there must never be enough.
        "centre": max(settings.threshold, settings.centre_threshold),
        "outer": settings.threshold,
    }
    points: Thresholds = {
        "centre": max(settings.point_threshold, settings.core_threshold),
        "outer": settings.point_threshold,
    }
    return patches, points


def _moved_by_feedback(layer: JudgmentLayer, feedback: Sequence[Feedback]) -> JudgmentLayer:
    patches = thresholds_from_feedback(feedback, layer.patches)
    return replace(layer, patches=patches, points=thresholds_from_feedback(feedback, layer.points, "point"))


def _as_set(settings: SparkDetectionSettings) -> JudgmentLayer:
    """Have samples, and their deviations, meet the certainty that is asked of patches.

    Nearly every patch is judged to be near 0 or 1: alone, its threshold would change nothing between 0.1 and 0.9.
    """
    threshold = settings.threshold
    patches, points = _preset(settings)
    # At the ends nothing and everything would count; the patches see to that already.
    odds = float(np.clip(threshold, 0.01, 0.99) / (1 - np.clip(threshold, 0.01, 0.99)))
    # Odds of 1 change nothing, but for rounding: at the default all stays bit for bit as the settings say.
    if threshold == PLAIN:
        return JudgmentLayer(patches, points)
    shifted = {region: _times_odds(value, odds) for region, value in points.items()}
    return JudgmentLayer(patches, shifted, caution=odds)


def _times_odds(probability: float, factor: float) -> float:
    # They stand for everything and nothing, whatever is asked for; and 1 has no odds.
    if probability in (0.0, 1.0):
        return probability
    odds = factor * probability / (1 - probability)
    return odds / (1 + odds)


def architectures_that_judge(settings: SparkDetectionSettings) -> Collection[Architecture]:
    """Name the architectures of what may judge patches by these settings."""
    if settings.method == "one_pass":
        return (settings.one_pass_model,)
    kinds: tuple[Architecture, ...] = ("cnn", "vit")
    return [kind for kind in kinds if settings.classifier in (kind, "variance", "accuracy")]


def raised(thresholds: Thresholds, settings: SparkDetectionSettings) -> Thresholds:
    """Raise the thresholds, because the image shows no artifacts.

    The lowest goes to ``raised_threshold``. The way left to 1 shrinks by the same share in every region, so that each
    keeps its own, and the centre its lead: 0.5 and 0.7 become 0.9 and 0.94. None is ever lowered.
    """
    way_left = 1 - min(thresholds.values())
    share = min((1 - settings.raised_threshold) / way_left, 1.0) if way_left > 0 else 1.0
    return {region: max(1 - share * (1 - own), own, settings.raised_threshold) for region, own in thresholds.items()}
