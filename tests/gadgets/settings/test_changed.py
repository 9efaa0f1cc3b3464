"""Which settings are worth a word in a record."""

from __future__ import annotations

from gadgets.settings import RawRepairSettings, SparkDetectionSettings, changed_settings, validate


def test_only_settings_that_were_changed_are_kept():
    assert changed_settings(SparkDetectionSettings()) == {}
    given = {"spark_detection.threshold": "0.9", "calibration.method": "zero"}
    changed = changed_settings(validate(given, RawRepairSettings, "raw_repair"))
    assert changed == {"spark_detection.threshold": "0.9", "calibration.method": "zero"}
