"""Reasons: what is said of a k-space in which not all was as it should be."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from gadgets.detection.found import Found
from gadgets.kspace import FEWEST_LINES, KSpace, describe
from gadgets.settings import SparkDetectionSettings

logger = logging.getLogger(__name__)

MOST_NAMED = 3
"""Samples or readouts that a warning names."""

NOT_JUDGED = f"not judged: no partition has {FEWEST_LINES} readouts to compare"
NOTHING_ACQUIRED = "not judged: nothing was acquired"
ALL_LEFT_OUT = "not judged: every patch reaches into the centre, which is left out (regions=outer)"


def reason_not_judged(kspace: KSpace, found: Found, *, stops: bool) -> str:
    """Say why no patch was judged; empty if some were, or none was to be."""
    if not kspace.sampled.any():
        return NOTHING_ACQUIRED
    if found.patches or stops:
        return ""
    return ALL_LEFT_OUT if found.left_out else NOT_JUDGED


def reason_refused(found: Found) -> str:
    """Say where the models are sure of a spark and the second opinion is against it; empty where they agree."""
    refused = sorted(found.refused - found.points.keys())
    # Where more certainty is asked for than usual, it is no wonder that less is found.
    if not refused or found.caution > 1:
        return ""
    named = _some_of([f"line {line} sample {sample}" for _, line, sample in refused])
    is_one = len(refused) == 1
    which = "1 sample that stays as it is" if is_one else f"{len(refused)} samples that stay as they are"
    them = "it" if is_one else "them"
    reason = f"the models are sure of {which}, as a second opinion cannot tell {them} from the signal: {named}"
    logger.warning("spark_detection: %s (%s)", reason, describe(found.known.kspace.indices))
    return reason


def reason_displaced(found: Found) -> str:
    """Say which readouts fit nowhere as a whole; empty if all fit."""
    if not found.displaced:
        return ""
    lines = sorted({line for _, line in found.displaced})
    named = _some_of([str(line) for line in lines])
    reason = f"readouts that fit nowhere as a whole, as after motion, stay as they are: line {named}"
    logger.warning("spark_detection: %s (%s)", reason, describe(found.known.kspace.indices))
    return reason


def reason_cut_short(found: Found, settings: SparkDetectionSettings) -> str:
    """Say that the time limit was reached, and what of the k-space was judged; empty if it was not."""
    if not found.is_cut_short:
        return ""
    judged = f"{found.patches} patches were judged in {found.looks} looks, {len(found.points)} points confirmed"
    reason = f"cut short by the time limit of {settings.time_limit:g} s: {judged}"
    logger.warning("spark_detection: %s (%s)", reason, describe(found.known.kspace.indices))
    return reason


def _some_of(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
