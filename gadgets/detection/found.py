"""What has been found in a k-space so far, and what is said of it in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gadgets.detection.confirmation import Confirmed
from gadgets.detection.displaced import displaced_readouts
from gadgets.detection.suspects import Place, Suspect
from gadgets.evidence import Evidence
from gadgets.kspace import KSpace, Plane
from gadgets.patch_models import Thresholds
from gadgets.records import KnownRepair, Point, TargetPatch
from gadgets.repair import Predictions, carried, outcomes_of
from gadgets.settings import CalibrationSettings

SURE = 0.95
"""Probability from which on a sample that is not confirmed is worth a word: in clean files none reaches it."""


@dataclass(frozen=True, eq=False)
class Mended:
    """A k-space with what was found mended: plane by plane, as a whole it takes as much memory as all that follows.

    Attributes
    ----------
    acquired
        As acquired.
    confirmed
        What was found; the last ``n_new`` since the look before.
    """

    acquired: KSpace
    confirmed: Sequence[Confirmed]
    n_new: int

    @property
    def new(self) -> list[Place]:
        """The places that are new in it."""
        return [each.point.place for each in self.confirmed[len(self.confirmed) - self.n_new :]]

    def plane(self, plane: Plane) -> Plane:
        """Mend a plane of what was acquired: a copy, unless nothing was found in it."""
        here = [each for each in self.confirmed if each.point.partition == plane.partition]
        if not here:
            return plane
        data = plane.data.copy()
        for each in here:
            where = plane.index_of(each.point.line, each.point.sample)
            data[(list(each.point.receivers_repaired), *where)] = each.mended
        return replace(plane, data=data)

    def kspace(self) -> KSpace:
        """Mend the whole k-space: a copy."""
        data = self.acquired.data.copy()
        for each in self.confirmed:
            data[(list(each.point.receivers_repaired), *each.point.place)] = each.mended
        return replace(self.acquired, data=data)


@dataclass
class Found:
    """What has been found in one k-space so far, the thresholds that hold for its patches, and how many were judged.

    ``evidence`` is that of the last look, by partition, where another look may follow.
    ``caution`` is how many times larger than usual the deviations of a spark have to be.
    ``displaced`` are the readouts that fit nowhere as a whole: partition and line.
    """

    thresholds: Thresholds
    known: Predictions
    caution: float = 1.0
    looks: int = 0
    patches: int = 0
    left_out: int = 0
    is_cut_short: bool = False
    targets: dict[Place, TargetPatch] = field(default_factory=dict)
    points: dict[Place, Point] = field(default_factory=dict)
    obvious: set[Place] = field(default_factory=set)
    evidence: dict[int, Evidence] = field(default_factory=dict)
    refused: set[Place] = field(default_factory=set)
    left_alone: set[Place] = field(default_factory=set)
    displaced: set[tuple[int, int]] = field(default_factory=set)
    _confirmed: list[Confirmed] = field(default_factory=list)
    _n_mended: int = 0

    def add(self, confirmed: Sequence[Confirmed]) -> list[Point]:
        """Note points that were confirmed, but for those of readouts that turn out to be displaced; give them."""
        self._confirmed += confirmed
        self.points.update({each.point.place: each.point for each in confirmed})
        if displaced := displaced_readouts(self._confirmed):
            self.displaced |= displaced
            doubtful = {each.point.place for each in self._confirmed if not each.is_obvious}
            self._take_back({place for place in doubtful if place[:2] in displaced})
        return [each.point for each in confirmed if each.point.place in self.points]

    def _take_back(self, gone: set[Place]) -> None:
        """Forget points, as if they had never been confirmed or mended."""
        for place in gone:
            del self.points[place]
        mended, new = self._confirmed[: self._n_mended], self._confirmed[self._n_mended :]
        mended, new = ([each for each in some if each.point.place not in gone] for some in (mended, new))
        self._confirmed, self._n_mended = mended + new, len(mended)

    def refuse(self, suspects: Sequence[Suspect]) -> None:
        """Note the suspects of which the models are sure; those that become points are none of them in the end."""
        sure = [suspect for suspect in suspects if suspect.probability >= SURE]
        self.refused |= {suspect.place for suspect in sure}
        self.left_alone |= {suspect.place for suspect in sure if suspect.is_left_alone}

    def not_outshone(self, suspects: Sequence[Suspect]) -> list[Suspect]:
        """Leave out the doubtful suspects of partitions in which a spark may be left.

        A strong one that may be the echo's peak lies over all others, and good samples would be blamed for it.
        """
        outshone = {place[0] for place in self.left_alone - self.points.keys()}
        # The sure ones may be sparks as strong as that; good samples are blamed with little certainty.
        return [each for each in suspects if each.place[0] not in outshone or each.probability >= SURE]

    def mended(self) -> Mended:
        """Mend what was found, for another look."""
        n_new, self._n_mended = len(self._confirmed) - self._n_mended, len(self._confirmed)
        return Mended(self.known.kspace, tuple(self._confirmed), n_new)

    def predictions(self, mended: Mended) -> Predictions:
        """Give what has been predicted of a k-space in which something was mended; that of what was acquired, if not.

        What holds for the k-space as acquired does not hold any more once samples are mended.
        """
        return Predictions(mended.kspace(), self.known.witness) if mended.confirmed else self.known


def known_repairs(points: Sequence[Point], known: Predictions) -> tuple[KnownRepair, ...]:
    """Give what becomes of the points, if it was computed on the way; else it may never be asked for."""
    # `knows` asks for exactly these points together: predicted with others withheld, they would be repaired otherwise
    # than calibration repairs them.
    if not points or not known.knows(points):
        return ()
    # By the default method, `auto`: calibration takes such repairs for no other.
    return carried(known.kspace, points, outcomes_of(known.kspace, points, CalibrationSettings(), known=known))
