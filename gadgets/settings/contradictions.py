"""Contradictions: settings that would have no effect beside the others are refused before the scan.

What belongs to the image check is let pass without one, so that ``image_check`` alone turns it on and off.
"""

from __future__ import annotations

from collections.abc import Mapping

from gadgets.errors import SettingsError
from gadgets.settings.of_detection import SparkDetectionSettings

MAX_MIN = ("max_min", "max_min_by_place")
BY_PLACE = ("max_min_by_place",)

NEEDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "merge": ("method", ("calibrate", "check_calibrate", "one_pass")),
    "one_pass_model": ("method", ("one_pass",)),
    "classifier": ("method", ("segment", "calibrate", "check_segment", "check_calibrate")),
    "standard_value": ("preprocessing", MAX_MIN),
    "impact": ("preprocessing", MAX_MIN),
    "centre_max": ("preprocessing", MAX_MIN),
    "edge_max": ("preprocessing", BY_PLACE),
    "centre_distance": ("preprocessing", BY_PLACE),
    "edge_distance": ("preprocessing", BY_PLACE),
}
"""Settings that, where they are not the default, need another one to have one of some values."""


def refuse_contradictions(settings: SparkDetectionSettings) -> None:
    """See that every setting that is not the default has an effect.

    Raises
    ------
    SettingsError
        One has none; it is named with what it needs.
    """
    for name, (other, values) in NEEDS.items():
        wanted, found = getattr(settings, name), getattr(settings, other)
        # At its default a setting asks for nothing, so that nobody has to take it back.
        if wanted != SparkDetectionSettings.model_fields[name].default and found not in values:
            raise SettingsError(f"{name}={wanted} needs {other} to be {' or '.join(values)}, found {found}")
    # Not in the table: no value is asked for, but any file.
    if settings.thresholds_from == "history" and settings.history is None:
        raise SettingsError("thresholds_from=history needs history to name a file, found none")
