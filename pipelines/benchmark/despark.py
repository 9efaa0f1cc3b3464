"""despark itself among the rivals: the functions that its nodes call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gadgets.calibration import calibrate
from gadgets.kspace import ComplexArray, KSpace
from gadgets.settings import RawRepairSettings, validate
from gadgets.spark_detection import detect, open_detector
from pipelines.benchmark.rivals import Rival


def open_despark(properties: Mapping[str, Any]) -> Rival:
    """Open the models and give detection and repair as one function.

    Parameters
    ----------
    properties
        As for the node ``raw_repair``: ``{"spark_detection.threshold": "0.9"}``.

    Raises
    ------
    SettingsError, ModelError, ProviderError
        The set-up is at fault. A k-space that cannot be judged raises too: a benchmark passes nothing over.
    """
    settings = validate(properties, RawRepairSettings, "despark benchmark")
    detector = open_detector(settings.spark_detection)
    calibration = settings.calibration.model_copy(update={"on_failure": "fail"})

    def despark(kspace: KSpace) -> ComplexArray:
        detection = detect(kspace, detector, "fail")
        repaired, _ = calibrate(kspace, detection.points, calibration)
        return kspace.data if repaired is None else repaired

    return despark
