"""Which settings are worth a word in a record."""

from __future__ import annotations

from pathlib import Path

from gadgets.settings import (
    NODE_SETTINGS,
    RawRepairSettings,
    SparkDetectionSettings,
    changed_settings,
    named_files,
    names_file,
    path_settings,
    property_names,
    validate,
)


def test_only_settings_that_were_changed_are_kept():
    assert changed_settings(SparkDetectionSettings()) == {}
    given = {"spark_detection.threshold": "0.9", "calibration.method": "zero"}
    changed = changed_settings(validate(given, RawRepairSettings, "raw_repair"))
    assert changed == {"spark_detection.threshold": "0.9", "calibration.method": "zero"}


def test_files_stand_in_no_record():
    """These, and the folders that they lie in, may be called after patients."""
    files = {
        "spark_detection.models": "/data/TOK/models",
        "spark_detection.history": "/data/TOK/h",
        "calibration.record": "/data/TOK/scans.db",
        "acquisition_buffer.report": "/data/TOK/r",
        "report": "r",
    }
    settings = validate({**files, "spark_detection.threshold": "0.9"}, RawRepairSettings, "raw_repair")
    assert changed_settings(settings) == {"spark_detection.threshold": "0.9"}
    expected = {Path("/data/TOK") / name for name in ("models/manifest.json", "h", "scans.db", "r")} | {Path("r")}
    assert set(named_files(files)) == expected
    assert expected <= set(named_files(settings))


def test_a_name_that_is_of_a_file_in_one_node_is_so_in_all_of_them():
    for node, model in NODE_SETTINGS.items():
        assert set(path_settings(node)) == {name for name in property_names(model) if names_file(name)}
