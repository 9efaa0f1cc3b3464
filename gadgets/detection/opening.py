"""Opening a detector: anew, or one that has stayed open since an earlier scan.

What costs time is opening and warming the models, and that depends on few settings: which models they are, where they
lie and where they run. Thresholds differ from scan to scan without anything being opened again.
"""

from __future__ import annotations

from typing import Protocol

from gadgets.detection.detector import Detector
from gadgets.kspace import KSpace
from gadgets.patch_models import most_accurate_before, read_history
from gadgets.process import warm_store
from gadgets.records import Detection
from gadgets.series import SeriesMemory
from gadgets.settings import SparkDetectionSettings
from onnx_models.manifest import models_folder

CHOOSE_MODELS = (
    "provider",
    "method",
    "classifier",
    "patch_sets",
    "one_pass_model",
    "regions",
    "preprocessing",
    "image_check",
    "image_model",
    "patch_shape",
    "patch_size",
    "patch_overlap",
    "history",
)
"""Settings that what is opened depends on, beside the folder of the models."""


class LooksForSparks(Protocol):
    """What finds the points of a k-space."""

    @property
    def provider(self) -> str:
        """What it runs on."""

    @property
    def models(self) -> tuple[str, ...]:
        """Which models look, each with the first digits of its hash."""

    def detect(self, kspace: KSpace) -> Detection:
        """Find the abnormal points."""


class NoDetector:
    """What ``method`` none stands for: nothing is looked for and nothing found."""

    provider = ""
    models = ()

    def detect(self, kspace: KSpace) -> Detection:
        """Find nothing."""
        return Detection(indices=kspace.indices)


class Remembering:
    """A detector with the memory of one scan: it compares each k-space with earlier ones of the same place.

    Parameters
    ----------
    detector
        Opened, maybe shared with other scans.
    memory
        Of this scan alone.
    """

    def __init__(self, detector: Detector, memory: SeriesMemory) -> None:
        self._detector = detector
        self._memory = memory

    @property
    def provider(self) -> str:
        """What it runs on."""
        return self._detector.provider

    @property
    def models(self) -> tuple[str, ...]:
        """Which models look."""
        return self._detector.models

    def detect(self, kspace: KSpace) -> Detection:
        """Find the abnormal points, and remember the k-space without them."""
        return self._detector.detect(kspace, self._memory)


def for_one_scan(detector: LooksForSparks, settings: SparkDetectionSettings) -> LooksForSparks:
    """Give a detector the memory of a scan that begins, if the settings let it."""
    # The memory is not part of the detector, which other scans may share: their slices have nothing to do with these.
    limit = settings.series_bytes
    return Remembering(detector, SeriesMemory(limit)) if isinstance(detector, Detector) and limit else detector


def open_detector(settings: SparkDetectionSettings) -> LooksForSparks:
    """Open what the settings ask for; models that a warm store keeps open are not opened again.

    Models that are exchanged on disk count from the next start of the process on: code and models of an upgrade belong
    together.

    Raises
    ------
    ModelError, ProviderError
        A model or the provider asked for is not there.
    SettingsError
        As :class:`Detector`.
    """
    # Before any manifest is read: who does not look needs no models.
    if settings.method == "none":
        return NoDetector()
    warm = warm_store()
    if warm is None:
        return Detector(settings)
    # Thresholds are not in the key: scans that differ in them alone share one detector.
    chosen = (getattr(settings, name) for name in CHOOSE_MODELS)
    key = (models_folder(settings.models).resolve(), *chosen, _chosen_by_history(settings))
    return warm.open("detector", key, lambda: Detector(settings)).with_settings(settings)


def _chosen_by_history(settings: SparkDetectionSettings) -> str | None:
    """Tell which first classification model the history calls for by now, if it chooses."""
    if settings.classifier != "accuracy":
        return None
    return most_accurate_before(read_history(settings.history).accuracy())
