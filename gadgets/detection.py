"""Detection: from one k-space to its abnormal points, the steps of the method in their order.

planes → evidence → patches → target patches → abnormal points → places in k-space and in the scan.
"""

from __future__ import annotations

import time
from copy import copy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gadgets.abnormal_points import merge, segment
from gadgets.evidence import FEATURE_SET, Evidence, gather_evidence, radii
from gadgets.image_support import contrast_of, predict_from_support
from gadgets.kspace import BoolArray, FloatArray, IntArray, KSpace
from gadgets.patches import cut, divide, relative_positions
from gadgets.planes import FEWEST_LINES, Plane, planes_of
from gadgets.records import Detection, Point, TargetPatch
from gadgets.repair import repair
from gadgets.settings import CalibrationSettings, SparkDetectionSettings
from gadgets.suspects import Place, Suspect, confirm, place_of
from gadgets.target_patches import REGIONS, Region, classify, in_centre, select_targets
from gadgets.verdict import CORE, CORE_REACH, LEAST_CONTRAST, suspicious_from
from onnx_models.errors import ModelError
from onnx_models.loader import open_model
from onnx_models.manifest import read_manifest
from onnx_models.model import Model

NOT_JUDGED = f"not judged: no partition has {FEWEST_LINES} readouts to compare"

MAX_LOOKS = 3
"""A strong spark raises the whole image's background and hides weak ones: look again once it is gone."""


@dataclass
class _Found:
    """What has been found in one k-space so far."""

    patches: int = 0
    targets: dict[Place, TargetPatch] = field(default_factory=dict)
    points: dict[Place, Point] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Patches:
    """The evidence of a plane and its patches: anchors, values and positions, one row per patch."""

    evidence: Evidence
    anchors: IntArray
    values: NDArray[np.float32]
    positions: NDArray[np.float32]


def _divide(plane: Plane, settings: SparkDetectionSettings) -> _Patches:
    evidence = gather_evidence(plane.data, plane.valid)
    patch = (settings.patch_size, settings.patch_size)
    shape = evidence.level.shape
    anchors = divide(shape, patch, settings.patch_overlap)
    positions = relative_positions(anchors, patch, evidence.centre, shape)
    values = np.asarray(cut(evidence.maps, anchors, patch), dtype=np.float32)
    return _Patches(evidence, anchors, values, positions)


class Detector:
    """Looks for sparks, all receivers together, with models opened once.

    Parameters
    ----------
    settings
        Of the node ``spark_detection``.

    Raises
    ------
    ModelError
        A model is missing, damaged, or made for other evidence.
    ProviderError
        The provider asked for is not there.
    """

    def __init__(self, settings: SparkDetectionSettings) -> None:
        self._settings = settings
        manifest = read_manifest(settings.models)
        self._classifiers: dict[Region, Model] = {}
        entries = {region: manifest.find("first_classification", region, "cnn") for region in REGIONS}
        for region, entry in entries.items():
            self._classifiers[region] = open_model(entry, settings.models, settings.provider)
        segmenter = manifest.find("abnormal_point_segmentation")
        self._segmenter = open_model(segmenter, settings.models, settings.provider)
        for entry in (*entries.values(), segmenter):
            if entry.normalisation != FEATURE_SET:
                raise ModelError(
                    f"model {entry.name}: expected one trained on {FEATURE_SET!r}, found {entry.normalisation!r}"
                )
        for model in (*self._classifiers.values(), self._segmenter):
            model.warm_up()

    def with_settings(self, settings: SparkDetectionSettings) -> Detector:
        """Give a detector with other settings and the same opened models."""
        changed = copy(self)
        changed._settings = settings  # noqa: SLF001 - its own kind
        return changed

    @property
    def provider(self) -> str:
        """What the opened sessions run on."""
        return self._segmenter.provider

    def detect(self, kspace: KSpace) -> Detection:
        """Find the abnormal points of one k-space.

        Looks again after taking away what was found, until nothing new is found. A point counts only if it also
        deviates from what its surroundings predict: the models' evidence and the repair's must agree.
        """
        start = time.perf_counter()
        found = _Found()
        looked_at = kspace
        suspects: dict[int, list[Suspect]] = {}
        for look in range(MAX_LOOKS):
            if look:
                before = looked_at
                looked_at, _ = repair(kspace, list(found.points.values()), CalibrationSettings())
                # Partitions that the repair left alone look as they did.
                suspects = {each: suspects[each] for each in suspects if _is_same(before, looked_at, each)}
            for plane in planes_of(looked_at, without=suspects):
                suspects[plane.partition] = self._look(plane, found, is_first=look == 0)
            seen = [suspect for partition in sorted(suspects) for suspect in suspects[partition]]
            new = confirm([each for each in seen if each.place not in found.points], looked_at)
            if not new:
                break
            found.points.update({place_of(point): point for point in new})
        return Detection(
            indices=kspace.indices,
            patches=found.patches,
            target_patches=tuple(found.targets[anchor] for anchor in sorted(found.targets)),
            points=tuple(found.points[place] for place in sorted(found.points)),
            provider=self.provider,
            seconds=time.perf_counter() - start,
            warning="" if found.patches else NOT_JUDGED,
        )

    def _look(self, plane: Plane, found: _Found, *, is_first: bool) -> list[Suspect]:
        """Judge one plane."""
        patches = _divide(plane, self._settings)
        probability = classify(patches.values, patches.positions, self._classifiers)
        targets = select_targets(probability, patches.positions, self._thresholds())
        if is_first:
            found.patches += len(patches.anchors)
        if not targets.size:
            return []
        for target in targets:
            record = self._target_patch(plane, patches, int(target), float(probability[target]))
            # Looked at again, a patch may look cleaner: what counts is the look at which it was a target first.
            found.targets.setdefault(record.anchor, record)
        masks = segment(patches.values[targets], self._segmenter)
        evidence = patches.evidence
        core, peak = _core_and_peak_of(plane, evidence)
        thresholds = self._point_thresholds(core)
        places, chances = merge(masks, patches.anchors[targets], suspicious_from(thresholds))
        judged = evidence.judged[places[:, 0], places[:, 1]]
        at_peak = peak[places[:, 0], places[:, 1]]
        if at_peak.any() and not _has_background(plane, places):
            judged &= ~at_peak
        return [
            Suspect(
                place=plane.place(int(line), int(sample)),
                probability=float(chance),
                threshold=float(thresholds[line, sample]),
                in_core=bool(core[line, sample]),
            )
            for (line, sample), chance in zip(places[judged], chances[judged], strict=True)
        ]

    def _thresholds(self) -> dict[Region, float]:
        settings = self._settings
        return {"centre": max(settings.threshold, settings.centre_threshold), "outer": settings.threshold}

    def _point_thresholds(self, core: BoolArray) -> FloatArray:
        settings = self._settings
        return np.where(core, max(settings.point_threshold, settings.core_threshold), settings.point_threshold)

    def _target_patch(self, plane: Plane, patches: _Patches, target: int, probability: float) -> TargetPatch:
        region: Region = "centre" if in_centre(patches.positions[[target]])[0] else "outer"
        return TargetPatch(
            anchor=plane.place(*(int(index) for index in patches.anchors[target])),
            shape=(1, *patches.values.shape[-2:]),
            probability=probability,
            model=self._classifiers[region].entry.name,
        )


def _has_background(plane: Plane, places: IntArray) -> bool:
    """Tell whether the image has a background, once the suspicious places (line, sample) are taken away."""
    missing = np.zeros(plane.data.shape, dtype=bool)
    missing[:, places[:, 0], places[:, 1]] = True
    return contrast_of(predict_from_support(plane.data, missing).filled) >= LEAST_CONTRAST


def _core_and_peak_of(plane: Plane, evidence: Evidence) -> tuple[BoolArray, BoolArray]:
    """Mark the core, and all that may belong to the echo's peak, shapes ``(line, sample)``.

    Both lie about the loudest place and about the one that the header names: where the object fills the field of
    view the peak is a single sample, and the loudest surroundings are elsewhere.
    """
    shape = evidence.level.shape
    core = np.minimum(evidence.radius, radii(shape, plane.centre)) < CORE
    peak = core.copy()
    for centre in (evidence.centre, plane.centre):
        near = [np.abs(np.arange(n) - index) <= CORE_REACH for n, index in zip(shape, centre, strict=True)]
        peak |= near[0][:, None] & near[1][None, :]
    return core, peak


def _is_same(before: KSpace, after: KSpace, partition: int) -> bool:
    return np.array_equal(before.data[:, partition], after.data[:, partition], equal_nan=True)
