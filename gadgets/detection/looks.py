"""Looks at one k-space: its patches are judged again and again, as long as something new is found."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

import numpy as np

from gadgets.detection.echo_peak import loud_readouts, sparing_centre
from gadgets.detection.found import Found, Mended
from gadgets.detection.second_opinion import MOST_POINTS, conspicuous, hidden
from gadgets.detection.series import confirm_unlike_before
from gadgets.detection.suspects import Suspect, collect_suspects
from gadgets.evidence import Evidence, gather_evidence, look_again
from gadgets.kspace import FEWEST_LINES, Plane, planes_of
from gadgets.patch_models import Chosen, Method, Thresholds, select_targets
from gadgets.patches import Patches, PatchShape, Preprocessing, Region, divide_planes, in_centre, pack, together
from gadgets.process import is_late
from gadgets.records import Point, TargetPatch
from gadgets.settings import SparkDetectionSettings

MAX_LOOKS, USUAL_LOOKS = 8, 3
"""Looks at most, and where so much is found that it is interference. A strong spark raises the whole image's background
and hides weak ones, so the k-space is looked at again once it is gone."""


class Looks:
    """Looks at one k-space.

    Parameters
    ----------
    found
        What is found is noted there, and how the looks went.
    shape, chosen
        Shape of its patches, and the opened method that judges them.
    settings, preprocessing
        How patches are cut, and what models are shown of them.
    points
        Thresholds of abnormal points, by region.
    """

    def __init__(
        self,
        found: Found,
        shape: PatchShape,
        chosen: Chosen,
        settings: SparkDetectionSettings,
        preprocessing: Preprocessing | None,
        points: Thresholds,
    ) -> None:
        self._found = found
        self._shape = shape
        self._chosen = chosen
        self._settings = settings
        self._preprocessing = preprocessing
        self._points = points
        # Of each partition that need not be judged again, maybe none.
        self._suspects: dict[int, list[Suspect]] = {}

    def until_nothing_is_new(self) -> None:
        """Look, and look again at what is left once what was found is mended."""
        found = self._found
        # What the series shows is mended before the models look: strong sparks hide weak ones from them, not from the
        # series.
        if found.known.witness is not None:
            found.add(confirm_unlike_before(found.known.witness, found.known))
        loud = loud_readouts(found.known.kspace)
        for look in range(MAX_LOOKS):
            found.looks = look + 1
            seen, new = self._once(loud)
            if all(point.place in found.obvious for point in new):
                # All others were looked at without these already: another look would see the same.
                new = hidden(seen, found)
            if not new or found.is_cut_short or (look >= USUAL_LOOKS - 1 and len(found.points) > MOST_POINTS):
                break

    def _once(self, loud: Container[tuple[int, int]]) -> tuple[list[Suspect], list[Point]]:
        """Judge what has changed since the look before; give what is suspected by now, and which of it is confirmed."""
        found, suspects = self._found, self._suspects
        mended = found.mended()
        # Partitions that the repair left alone look as they did; cuboids reach over all of them.
        for changed in {partition for partition, _, _ in mended.new} if self._shape != "cuboid" else set(suspects):
            suspects.pop(changed, None)
        fewest_lines = 1 if self._shape == "segment" else FEWEST_LINES
        for planes in together(planes_of(mended.acquired, suspects, fewest_lines), self._shape):
            if is_late():
                found.is_cut_short = True
                break
            suspects.update({plane.partition: [] for plane in planes})
            for suspect in self._judged(planes, mended):
                if suspect.place[:2] in found.displaced and not suspect.is_obvious:
                    continue
                if suspect.is_left_alone or suspect.place[:2] in loud:
                    found.refuse([suspect])
                else:
                    suspects[suspect.place[0]].append(suspect)
        seen = found.not_outshone([each for partition in sorted(suspects) for each in suspects[partition]])
        return seen, conspicuous(mended, seen, found)

    def _judged(self, planes: Sequence[Plane], mended: Mended) -> list[Suspect]:
        """Judge planes of what was acquired that belong together, with what was mended in them."""
        found = self._found
        evidence = [_evidence_of(plane, found.evidence.get(plane.partition), mended) for plane in planes]
        overlap, patch = self._settings.patch_overlap, self._chosen.patch
        patches = divide_planes(planes, patch, overlap, self._preprocessing, evidence)
        method = self._chosen.method_for(patches)
        judgement = method.judge(patches, found.thresholds)
        targets = select_targets(judgement.probability, patches.positions, found.thresholds)
        # Later looks see the same patches again, which are not to be counted twice.
        if found.looks == 1:
            n_left_out = int(in_centre(patches.positions).sum()) if self._settings.regions == "outer" else 0
            found.patches += len(patches) - n_left_out
            found.left_out += n_left_out
        if not targets.size:
            return []
        # Only of planes with targets: others are hardly ever looked at again, and twelve maps of each take memory.
        found.evidence.update(zip((plane.partition for plane in planes), evidence, strict=True))
        # Not before: what models look at is evidence, and each copy of a plane takes memory.
        patches = replace(patches, planes=[mended.plane(plane) for plane in planes])
        opinions = method.find(patches, judgement, targets)
        for number, target in enumerate(targets):
            record = _target_patch(patches, int(target), float(judgement.probability[target]), method)
            if opinions.calibrated is not None and self._settings.merge == "patch":
                samples = pack(sparing_centre(patches, int(target), opinions.calibrated[number]))
                record = record.model_copy(update={"samples": samples})
            # Looked at again, a patch may look cleaner: what counts is the look at which it was a target first.
            found.targets.setdefault(record.anchor, record)
        return collect_suspects(patches, targets, opinions, self._points)


def _target_patch(patches: Patches, target: int, probability: float, method: Method) -> TargetPatch:
    region: Region = "centre" if in_centre(patches.positions[[target]])[0] else "outer"
    return TargetPatch(
        anchor=patches.place(*(int(index) for index in patches.anchors[target])),
        shape=patches.shape,
        probability=probability,
        model=method.name_for(region),
    )


def _evidence_of(plane: Plane, earlier: Evidence | None, mended: Mended) -> Evidence:
    """Gather the evidence of a plane, or renew that of the look before."""
    if earlier is None:
        return gather_evidence(mended.plane(plane).data, plane.valid, without_obvious=True)
    here = [plane.index_of(line, sample) for partition, line, sample in mended.new if partition == plane.partition]
    # Where nothing was mended the maps hold as they are: cuboids reach over all partitions, and come here with each.
    if not here:
        return earlier
    return look_again(earlier, mended.plane(plane).data, plane.valid, np.array(here))
