"""What has been found in a k-space so far, and what is said of it in the end."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gadgets.detection.confirmation import Confirmed
from gadgets.detection.suspects import Place, place_of
from gadgets.evidence import Evidence
from gadgets.kspace import FEWEST_LINES, KSpace, describe
from gadgets.patch_models import Thresholds
from gadgets.records import KnownRepair, Point, TargetPatch
from gadgets.repair import Predictions, carried, outcomes_of
from gadgets.settings import CalibrationSettings, SparkDetectionSettings

logger = logging.getLogger(__name__)

NOT_JUDGED = f"not judged: no partition has {FEWEST_LINES} readouts to compare"
NOTHING_ACQUIRED = "not judged: nothing was acquired"
ALL_LEFT_OUT = "not judged: every patch reaches into the centre, which is left out (regions=outer)"


@dataclass
class Found:
    """What has been found in one k-space so far, the thresholds that hold for its patches, and how many were judged.

    ``evidence`` is that of the last look, by partition, where another look may follow.
    """

    thresholds: Thresholds
    known: Predictions
    looks: int = 0
    patches: int = 0
    left_out: int = 0
    is_cut_short: bool = False
    targets: dict[Place, TargetPatch] = field(default_factory=dict)
    points: dict[Place, Point] = field(default_factory=dict)
    obvious: set[Place] = field(default_factory=set)
    evidence: dict[int, Evidence] = field(default_factory=dict)
    _mended: list[Confirmed] = field(default_factory=list)
    _looked_at: KSpace | None = None

    def add(self, confirmed: Sequence[Confirmed]) -> list[Point]:
        """Note points that were confirmed, and give them."""
        self._mended += confirmed
        new = [each.point for each in confirmed]
        self.points.update({place_of(point): point for point in new})
        return new

    def mended(self) -> tuple[KSpace, list[Place]]:
        """Give the k-space with what was found mended, for another look, and the places that are new in it.

        It is changed in place at every call.
        """
        if self._looked_at is None:
            acquired = self.known.kspace
            self._looked_at = replace(acquired, data=acquired.data.copy())
        new, self._mended = self._mended, []
        for each in new:
            self._looked_at.data[(list(each.point.receivers_repaired), *place_of(each.point))] = each.mended
        return self._looked_at, [place_of(each.point) for each in new]


def reason_not_judged(kspace: KSpace, found: Found, *, stops: bool) -> str:
    """Say why no patch was judged; empty if some were, or none was to be."""
    if not kspace.sampled.any():
        return NOTHING_ACQUIRED
    if found.patches or stops:
        return ""
    return ALL_LEFT_OUT if found.left_out else NOT_JUDGED


def reason_cut_short(found: Found, settings: SparkDetectionSettings) -> str:
    """Say that the time limit was reached, and what of the k-space was judged; empty if it was not."""
    if not found.is_cut_short:
        return ""
    judged = f"{found.patches} patches were judged in {found.looks} looks, {len(found.points)} points confirmed"
    reason = f"cut short by the time limit of {settings.time_limit:g} s: {judged}"
    logger.warning("spark_detection: %s (%s)", reason, describe(found.known.kspace.indices))
    return reason


def known_repairs(points: Sequence[Point], known: Predictions) -> tuple[KnownRepair, ...]:
    """Give what becomes of the points, if it was computed on the way; else it may never be asked for."""
    if not points or not known.knows(points):
        return ()
    # By the default method, `auto`: calibration takes such repairs for no other.
    return carried(known.kspace, points, outcomes_of(known.kspace, points, CalibrationSettings(), known=known))
