"""Collects the samples that the segmentation marks, for a second opinion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.detection.echo_peak import at_a_peak_without_background, regions_of
from gadgets.detection.unrest import unrest_at
from gadgets.detection.verdict import POSSIBLE, suspicious_from
from gadgets.evidence import CHANNELS, Evidence
from gadgets.local_statistics import BESIDE
from gadgets.patch_models import Opinions, merge
from gadgets.patches import Patches, Region

SINGLE = CHANNELS.index("innovation_single")

Place = tuple[int, int, int]
"""Partition, line and sample."""


@dataclass(frozen=True)
class Suspect:
    """A sample that the segmentation marks.

    Attributes
    ----------
    place
        Partition, line and sample.
    probability, threshold
        That it is abnormal, and above which it counts as such.
    in_core
        Whether it lies in the echo's peak.
    is_obvious
        Whether all others were looked at as if this sample had recorded nothing.
    surprise
        How much it deviates from what the image's background says, in the receiver where that is most and in units of
        what is usual there.
    is_hint
        Whether the segmentation says too little to suspect this sample alone; it may belong to a crowd.
    is_beside
        Whether it lies beside an obvious one in its readout, and is judged as a part of its burst.
    is_left_alone
        Whether it may be the echo's peak itself, which nothing tells from a spark.
    is_unlike_before
        Whether the models have not been asked: it stands out of what earlier k-spaces of its place say.
    unrest
        Times that its deviation has to be larger than usual, as the rest of its readout fits no better.
    values
        What a calibration model says its samples should be, shape ``(coil,)``; None where no model says.
    """

    place: Place
    probability: float
    threshold: float
    in_core: bool
    is_obvious: bool = False
    surprise: float = 0.0
    is_hint: bool = False
    is_beside: bool = False
    is_left_alone: bool = False
    is_unlike_before: bool = False
    unrest: float = 1.0
    values: ComplexArray | None = None

    def values_of(self, receivers: Sequence[int]) -> tuple[tuple[float, float], ...]:
        """Real and imaginary part of `values` for some receivers; empty where no model says."""
        if self.values is None:
            return ()
        return tuple((float(self.values[each].real), float(self.values[each].imag)) for each in receivers)


def collect_suspects(
    patches: Patches, targets: IntArray, opinions: Opinions, point_thresholds: Mapping[Region, float]
) -> list[Suspect]:
    """Collect the samples of target patches that are worth a second opinion.

    Near the centre, where sparks hide each other, and beside others in their readout these are more: hints.

    Parameters
    ----------
    patches, targets
        All patches of some planes, and the numbers of the targets.
    opinions
        On the samples of the targets.
    point_thresholds
        Probabilities above which a sample is abnormal: in the echo's peak ("centre") and elsewhere.
    """
    regions = [regions_of(*each) for each in zip(patches.planes, patches.evidence, strict=True)]
    core, peak, near = (np.stack(region) for region in zip(*regions, strict=True))
    judged, obvious = (
        np.stack([getattr(evidence, name) for evidence in patches.evidence]) for name in ("judged", "obvious")
    )
    # One threshold map for all planes, shape ``(plane, line, sample)``, as places of merged patches index it.
    thresholds = np.where(core, point_thresholds["centre"], point_thresholds["outer"])
    anchors = patches.anchors[targets]
    places, chances, sources = merge(opinions.probability, anchors, np.full(core.shape, POSSIBLE))
    is_hint = chances <= suspicious_from(thresholds)[tuple(places.T)]
    left_alone = _left_alone(patches, places, is_hint, peak, near)
    # Of a hint that is left alone there is nothing to say.
    kept = judged[tuple(places.T)] & ~(left_alone & is_hint)
    places, chances, sources = places[kept], chances[kept], sources[kept]
    where = tuple(places.T)
    limits = thresholds[where]
    single = np.stack([evidence.maps[SINGLE] for evidence in patches.evidence])[where]
    unrest = _unrest_at(patches.evidence, places)
    surprise_of = np.exp(single)  # maps hold logarithms
    columns = (chances, limits, core[where], obvious[where], surprise_of, is_hint[kept], left_alone[kept], unrest)
    return [
        Suspect(
            place=patches.place(*place),
            probability=chance,
            threshold=limit,
            in_core=in_core,
            is_obvious=is_obvious,
            surprise=surprise,
            is_hint=hint,
            is_left_alone=alone,
            unrest=restless,
            # What a model does not mark, it leaves more or less as it is.
            values=_said_of(opinions, source, place - anchors[source]) if chance > limit else None,
        )
        for place, source, chance, limit, in_core, is_obvious, surprise, hint, alone, restless in zip(
            places, sources, *(column.tolist() for column in columns), strict=True
        )
    ]


def _left_alone(patches: Patches, places: IntArray, is_hint: BoolArray, peak: BoolArray, near: BoolArray) -> BoolArray:
    """Mark hints that are not worth a second opinion, and others that may be the echo's peak itself, shape ``(n,)``."""
    worth_it = near | beside_in_readout(places[~is_hint], near.shape)
    left_alone: BoolArray = ~worth_it[tuple(places.T)]
    # These are worth it anyway. Hints at the peak are left to the search for crowds, which asks for a background, too.
    left_alone[~is_hint] = at_a_peak_without_background(patches, places[~is_hint], peak)
    return left_alone


def _unrest_at(evidence: Sequence[Evidence], places: IntArray) -> FloatArray:
    """Ask plane by plane how much at rest the readouts of places are: plane, line, sample; shape ``(n,)``."""
    unrest = np.ones(len(places))
    for number in np.unique(places[:, 0]):
        here = places[:, 0] == number
        unrest[here] = unrest_at(evidence[number], places[here, 1:])
    return unrest


def _said_of(opinions: Opinions, source: int, inside: IntArray) -> ComplexArray | None:
    """Give what a calibration model says of a sample of one target, shape ``(coil,)``; None where no model says."""
    # Of the patch whose probability counted: overlapping patches say different things of a sample.
    return None if opinions.calibrated is None else opinions.calibrated[(source, slice(None), *inside)]


def beside_in_readout(places: IntArray, shape: tuple[int, ...]) -> BoolArray:
    """Mark places ``(n, 3)``: plane, line, sample; and what is beside them in their readouts; of the given shape."""
    marked = np.zeros(shape, dtype=bool)
    plane, line, sample = places.T
    for step in range(-BESIDE, BESIDE + 1):
        # Clipped, not wrapped: a readout's end and its beginning are not beside each other.
        marked[plane, line, np.clip(sample + step, 0, shape[-1] - 1)] = True
    return marked
