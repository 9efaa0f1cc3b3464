"""Detection: from one k-space to its abnormal points, the steps of the method in their order.

image check, if asked for → planes → evidence → patches → target patches → abnormal points → places in k-space and in
the scan.
"""

from __future__ import annotations

import time
from collections.abc import Container, Mapping, Sequence
from copy import copy

import numpy as np

from gadgets.detection.echo_peak import loud_readouts, without_centre
from gadgets.detection.found import Found, Mended, known_repairs, reason_cut_short, reason_not_judged, reason_refused
from gadgets.detection.second_opinion import MOST_POINTS, conspicuous, hidden, take_back_explained
from gadgets.detection.series import confirm_unlike_before, remember
from gadgets.detection.suspects import Suspect, collect_suspects, place_of
from gadgets.evidence import Evidence, gather_evidence, look_again
from gadgets.image_check import has_artifact, open_image_check
from gadgets.kspace import FEWEST_LINES, KSpace, Plane, in_ordinary_units, planes_of
from gadgets.patch_models import (
    Chosen,
    Method,
    open_method,
    raised,
    read_history,
    select_targets,
    thresholds_of,
)
from gadgets.patches import (
    Patches,
    PatchShape,
    Region,
    divide_planes,
    in_centre,
    pack,
    preprocessing_of,
    shape_for,
    together,
)
from gadgets.process import TimeIsUp, is_late, threads, time_limit
from gadgets.records import Detection, Point, TargetPatch
from gadgets.repair import Predictions
from gadgets.series import SeriesMemory
from gadgets.settings import SparkDetectionSettings, refuse_contradictions

PATCH_SHAPES: tuple[PatchShape, ...] = ("segment", "rectangle", "cuboid")

MAX_LOOKS, USUAL_LOOKS = 8, 3
"""A strong spark raises the whole image's background and hides weak ones: look again once it is gone."""


class Detector:
    """Looks for sparks, all receivers together, with models opened once.

    Parameters
    ----------
    settings
        Of the node ``spark_detection``.

    Raises
    ------
    ModelError
        A model is missing, damaged, or made for another representation of the data.
    ProviderError
        The provider asked for is not there.
    SettingsError
        One has no effect beside the others; or the history is damaged, or holds too little for what is asked of it.
    """

    def __init__(self, settings: SparkDetectionSettings) -> None:
        self._prepare(settings)
        shapes = PATCH_SHAPES if settings.patch_shape == "auto" else (settings.patch_shape,)
        self._chosen: Mapping[PatchShape, Chosen] = {shape: open_method(settings, shape) for shape in shapes}
        self._image_check = open_image_check(settings)

    def with_settings(self, settings: SparkDetectionSettings) -> Detector:
        """Give a detector with other settings and the same opened models."""
        # Shallow: the opened models are shared, and only what `_prepare` sets is another's own.
        changed = copy(self)
        changed._prepare(settings)  # noqa: SLF001 - its own kind
        return changed

    def _prepare(self, settings: SparkDetectionSettings) -> None:
        """Take up settings, and what the history says by now."""
        refuse_contradictions(settings)
        history = read_history(settings.history)
        self._settings = settings
        self._thresholds = thresholds_of(settings, history)
        self._preprocessing = preprocessing_of(settings, history.max_of(settings.impact, settings.standard_value))

    @property
    def provider(self) -> str:
        """What the opened sessions run on."""
        return next(iter(self._chosen.values())).provider

    @property
    def models(self) -> tuple[str, ...]:
        """Labels of the opened models, each once."""
        opened = [label for chosen in self._chosen.values() for label in chosen.models]
        of_image = () if self._image_check is None else (self._image_check.label,)
        return tuple(dict.fromkeys((*of_image, *opened)))

    def detect(self, kspace: KSpace, memory: SeriesMemory | None = None) -> Detection:
        """Find the abnormal points of one k-space.

        Looks again after taking away what was found, until nothing new is found. A point counts only if it also
        deviates from what its surroundings predict: the models' evidence and the repair's must agree.

        Parameters
        ----------
        kspace
            As acquired.
        memory
            Of the scan so far, for what earlier k-spaces of the same place say; this one is remembered in it. None:
            the k-space is judged by itself.
        """
        start = time.perf_counter()
        # What the records say of samples is in these units, which follow from the samples alone.
        kspace, _ = in_ordinary_units(kspace)
        settings = self._settings
        chance = self._image_probability(kspace)
        is_clean = chance is not None and not has_artifact(chance, settings)
        # `stop` saves all further time, `raise` only asks for more certainty: sparks next to the centre make no
        # stripes.
        stops = is_clean and settings.when_clean == "stop"
        thresholds = raised(self._thresholds.patches, settings) if is_clean else self._thresholds.patches
        # Before this k-space is remembered: it must not be its own witness.
        witness = memory.witness(kspace) if memory is not None else None
        found = Found(thresholds, Predictions(kspace, witness), self._thresholds.caution)
        with time_limit(settings.time_limit), threads(settings.threads):
            try:
                if not stops:
                    self._look_for_points(kspace, found)
                take_back_explained(found)
            except TimeIsUp:
                found.is_cut_short = True
        # In order of place, not of discovery: the record is the same however many looks were needed.
        points = tuple(found.points[place] for place in sorted(found.points))
        repairs = known_repairs(points, found.known) if memory is None else remember(memory, found, points)
        return Detection(
            indices=kspace.indices,
            patches=found.patches,
            target_patches=tuple(found.targets[anchor] for anchor in sorted(found.targets)),
            points=points,
            repairs=repairs,
            earlier=0 if witness is None else witness.n_earlier,
            image_probability=chance,
            thresholds=self._thresholds.by_name,
            thresholds_from=self._thresholds.source,
            models=self.models,
            provider=self.provider,
            seconds=time.perf_counter() - start,
            warning=reason_cut_short(found, settings)
            or reason_not_judged(kspace, found, stops=stops)
            or reason_refused(found),
        )

    def _image_probability(self, kspace: KSpace) -> float | None:
        if self._image_check is None or not kspace.is_gridded:
            return None
        patch = self._chosen[shape_for(kspace, self._settings)].patch
        return self._image_check.probability(kspace, self._settings, patch)

    def _look_for_points(self, kspace: KSpace, found: Found) -> None:
        """Look until nothing new is found."""
        shape = shape_for(kspace, self._settings)
        # What the series shows is mended before the models look: strong sparks hide weak ones from them, not from the
        # series.
        if found.known.witness is not None:
            found.add(confirm_unlike_before(found.known.witness, found.known))
        suspects: dict[int, list[Suspect]] = {}
        loud = loud_readouts(kspace)
        for look in range(MAX_LOOKS):
            found.looks = look + 1
            seen, new = self._look_once(found, shape, suspects, loud)
            if all(place_of(point) in found.obvious for point in new):
                # All others were looked at without these already: another look would see the same.
                new = hidden(seen, found)
            if not new or found.is_cut_short or (look >= USUAL_LOOKS - 1 and len(found.points) > MOST_POINTS):
                break

    def _look_once(
        self, found: Found, shape: PatchShape, suspects: dict[int, list[Suspect]], loud: Container[tuple[int, int]]
    ) -> tuple[list[Suspect], list[Point]]:
        """Judge what has changed since the look before; give what is suspected by now, and which of it is confirmed.

        `suspects` are those of each partition. What was mended ends with the look: what follows takes as much memory.
        """
        mended = found.mended()
        # Partitions that the repair left alone look as they did; cuboids reach over all of them.
        for changed in {partition for partition, _, _ in mended.new} if shape != "cuboid" else set(suspects):
            suspects.pop(changed, None)
        fewest_lines = 1 if shape == "segment" else FEWEST_LINES
        # `suspects` has a list, maybe an empty one, for each partition that need not be judged again.
        for planes in together(planes_of(mended.kspace, suspects, fewest_lines), shape):
            if is_late():
                found.is_cut_short = True
                break
            suspects.update({plane.partition: [] for plane in planes})
            for suspect in self._look(planes, self._chosen[shape], found, mended):
                if suspect.is_left_alone or suspect.place[:2] in loud:
                    found.refuse([suspect])
                else:
                    suspects[suspect.place[0]].append(suspect)
        seen = found.not_outshone([each for partition in sorted(suspects) for each in suspects[partition]])
        # What was predicted of the k-space as acquired does not hold once samples are mended.
        is_acquired = mended.kspace is found.known.kspace
        known = found.known if is_acquired else Predictions(mended.kspace, found.known.witness)
        return seen, conspicuous(known, seen, found)

    def _look(self, planes: Sequence[Plane], chosen: Chosen, found: Found, mended: Mended) -> list[Suspect]:
        """Judge planes that belong together; `mended` is what was mended since the look before."""
        evidence = [_evidence_of(plane, found.evidence.get(plane.partition), mended) for plane in planes]
        patches = divide_planes(planes, chosen.patch, self._settings.patch_overlap, self._preprocessing, evidence)
        method = chosen.method_for(patches)
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
        opinions = method.find(patches, judgement, targets)
        patches = patches.without_values()  # to judge suspects may take a fit of the background
        for number, target in enumerate(targets):
            record = self._target_patch(patches, int(target), float(judgement.probability[target]), method)
            if opinions.calibrated is not None and self._settings.merge == "patch":
                samples = pack(without_centre(patches, int(target), opinions.calibrated[number]))
                record = record.model_copy(update={"samples": samples})
            # Looked at again, a patch may look cleaner: what counts is the look at which it was a target first.
            found.targets.setdefault(record.anchor, record)
        return collect_suspects(patches, targets, opinions, self._thresholds.points)

    def _target_patch(self, patches: Patches, target: int, probability: float, method: Method) -> TargetPatch:
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
        return gather_evidence(plane.data, plane.valid, without_obvious=True)
    here = [plane.index_of(line, sample) for partition, line, sample in mended.new if partition == plane.partition]
    # Where nothing was mended the maps hold as they are: cuboids reach over all partitions, and come here with each.
    if not here:
        return earlier
    is_lent = mended.lends(plane)
    evidence = look_again(earlier, plane.data, plane.valid, np.array(here), overwrite=is_lent)
    if is_lent:
        mended.mend(plane.partition)
    return evidence
