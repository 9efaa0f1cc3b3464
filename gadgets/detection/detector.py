"""Detection: from one k-space to its abnormal points, the steps of the method in their order.

image check, if asked for → planes → evidence → patches → target patches → abnormal points → places in k-space and in
the scan.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from copy import copy

from gadgets.detection.found import Found, known_repairs
from gadgets.detection.looks import Looks
from gadgets.detection.reasons import reason_cut_short, reason_displaced, reason_not_judged, reason_refused
from gadgets.detection.second_opinion import take_back_explained
from gadgets.detection.series import remember
from gadgets.image_check import has_artifact, open_image_check
from gadgets.kspace import KSpace, in_ordinary_units
from gadgets.patch_models import Chosen, open_method, raised, read_history, thresholds_of
from gadgets.patches import PatchShape, preprocessing_of, shape_for
from gadgets.process import TimeIsUp, threads, time_limit
from gadgets.records import Detection
from gadgets.repair import Predictions
from gadgets.series import SeriesMemory
from gadgets.settings import SparkDetectionSettings, refuse_contradictions

PATCH_SHAPES: tuple[PatchShape, ...] = ("segment", "rectangle", "cuboid")


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
            or reason_displaced(found)
            or reason_refused(found),
        )

    def _image_probability(self, kspace: KSpace) -> float | None:
        if self._image_check is None or not kspace.is_gridded:
            return None
        patch = self._chosen[shape_for(kspace, self._settings)].patch
        return self._image_check.probability(kspace, self._settings, patch)

    def _look_for_points(self, kspace: KSpace, found: Found) -> None:
        shape = shape_for(kspace, self._settings)
        chosen = self._chosen[shape]
        Looks(found, shape, chosen, self._settings, self._preprocessing, self._thresholds.points).until_nothing_is_new()
