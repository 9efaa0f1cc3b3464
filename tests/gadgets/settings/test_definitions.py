import pytest
from helpers.builders import configuration

from gadgets.errors import SettingsError
from gadgets.settings.definitions import NODE_SETTINGS, CalibrationSettings, SparkDetectionSettings
from gadgets.settings.page import values_of
from gadgets.settings.parsing import read_settings


@pytest.mark.parametrize(
    "name", ["impact", "centre_max", "edge_max", "edge_distance", "history", "patch_size", "models"]
)
def test_none_takes_an_optional_setting_back(name):
    settings = read_settings(configuration(**{name: "none"}), SparkDetectionSettings, "spark_detection")
    assert getattr(settings, name) is None


def test_the_page_tells_where_none_can_be_said_and_where_numbers_begin():
    fields = {**NODE_SETTINGS["acquisition_buffer"].model_fields, **CalibrationSettings.model_fields}
    told = {name: values_of(fields[name]) for name in ("held_limit", "fewest_readouts", "time_limit", "models")}
    assert told == {
        "held_limit": ["whole number from 1", "none"],
        "fewest_readouts": ["none", "whole number from 1"],
        "time_limit": ["number above 0", "none"],
        "models": ["none", "path"],
    }


def test_none_is_a_method_and_no_threshold():
    assert read_settings(configuration(method="none"), CalibrationSettings, "calibration").method == "none"
    with pytest.raises(SettingsError, match="threshold"):
        read_settings(configuration(threshold="none"), SparkDetectionSettings, "spark_detection")


def test_every_node_has_settings():
    assert set(NODE_SETTINGS) == {"acquisition_buffer", "spark_detection", "calibration", "image_fft", "raw_repair"}


@pytest.mark.parametrize(("said", "n_bytes"), [("off", 0), ("auto", 64_000_000), ("0", 0), ("7", 7_000_000)])
def test_the_memory_of_a_scan_has_a_size(said, n_bytes):
    settings = read_settings(configuration(series_memory=said), SparkDetectionSettings, "spark_detection")
    assert settings.series_bytes == n_bytes


@pytest.mark.parametrize("said", ["on", "-1", "1.5", "64MB", pytest.param("9" * 5000, id="thousands of digits")])
def test_a_memory_of_no_size_is_refused(said):
    with pytest.raises(SettingsError, match="off, auto, or a whole number of megabytes"):
        read_settings(configuration(series_memory=said), SparkDetectionSettings, "spark_detection")
