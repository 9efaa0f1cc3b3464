"""Thresholds: above which probability a patch of a region is a target (what the judgment layer compares with).

Source document: thresholds are preset, e.g. 0.5, and larger in the centre (claims 8, 9), where only a strong spark
makes an artifact; an image without artifacts raises them, e.g. from 0.5 to 0.9.
"""

from __future__ import annotations

from collections.abc import Mapping

from gadgets.settings import SparkDetectionSettings
from gadgets.target_patches import Region

Thresholds = Mapping[Region, float]
"""By region; a patch is a target strictly above its own, so that at 1 none is."""


def thresholds_of(settings: SparkDetectionSettings) -> Thresholds:
    """Give the thresholds that the settings ask for; the centre's is never below the rest's."""
    return {"centre": max(settings.threshold, settings.centre_threshold), "outer": settings.threshold}


def raised(thresholds: Thresholds, settings: SparkDetectionSettings) -> Thresholds:
    """Raise the thresholds, because the image shows no artifacts.

    The lowest goes to ``raised_threshold``. The way left to 1 shrinks by the same share in every region, so that each
    keeps its own, and the centre its lead: 0.5 and 0.7 become 0.9 and 0.94. None is ever lowered.
    """
    way_left = 1 - min(thresholds.values())
    share = min((1 - settings.raised_threshold) / way_left, 1.0) if way_left > 0 else 1.0
    return {region: max(1 - share * (1 - own), own, settings.raised_threshold) for region, own in thresholds.items()}
