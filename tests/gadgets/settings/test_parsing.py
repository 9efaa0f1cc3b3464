import time

import pytest
from helpers.builders import configuration

from gadgets.errors import SettingsError
from gadgets.settings.definitions import CalibrationSettings, RawRepairSettings, SparkDetectionSettings
from gadgets.settings.parsing import properties_of, read_settings, validate


def test_properties_become_settings():
    settings = read_settings(configuration(threshold="0.9", provider="cpu"), SparkDetectionSettings, "spark_detection")
    assert (settings.threshold, settings.provider, settings.on_failure) == (0.9, "cpu", "pass")


@pytest.mark.parametrize(
    "empty", [None, b"", b'<?xml version="1.0"?>', b'<?xml version="1.0"?>\n\0', "<configuration/>"]
)
def test_no_configuration_means_defaults(empty):
    assert read_settings(empty, CalibrationSettings, "calibration") == CalibrationSettings()


def test_a_namespace_changes_no_name():
    configuration = '<configuration xmlns="urn:any"><property name="threshold" value="0.9"/></configuration>'
    assert read_settings(configuration, SparkDetectionSettings, "spark_detection").threshold == 0.9


def test_a_stages_name_in_front_goes_to_that_stage():
    settings = validate(
        {"spark_detection.threshold": "0.8", "calibration.method": "zero"}, RawRepairSettings, "raw_repair"
    )
    assert settings.spark_detection.threshold == 0.8
    assert settings.calibration.method == "zero"


@pytest.mark.parametrize("names", [("calibration", "calibration.method"), ("calibration.method", "calibration")])
def test_a_stage_that_is_given_a_value_is_named(names):
    with pytest.raises(SettingsError, match=r"raw_repair.calibration: .*found 'zero'"):
        validate(dict.fromkeys(names, "zero"), RawRepairSettings, "raw_repair")


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({5: "1"}, "spark_detection: expected the name of a property, found 5$"),
        ({None: "1"}, "spark_detection: expected the name of a property, found None$"),
        ({"treshold": "1"}, r"spark_detection: unknown property 'treshold', did you mean 'threshold'\?$"),
        ({"threshold": "much"}, r"spark_detection.threshold: .*number.*found 'much'"),
        ({"threshold": "1.5"}, r"spark_detection.threshold: expected at most 1.0, found '1.5'"),
        (
            {"provider": "gpu"},
            r"spark_detection.provider: expected one of auto, cuda, cpu; found 'gpu', did you mean 'cpu'",
        ),
        ({"patch_size": "20"}, "patch_size: expected a multiple of 8, found '20'"),
        ({"threads": "0"}, "spark_detection.threads: expected auto, or a whole number from 1 to 256, found '0'$"),
        ({"threads": "two"}, "spark_detection.threads: expected auto, or a whole number from 1 to 256, found 'two'$"),
        ({"on_failure": "", "method": "x"}, r"method.*found 'x'; .*on_failure.*found ''"),
    ],
)
def test_what_is_wrong_is_named(properties, message):
    with pytest.raises(SettingsError, match=message):
        validate(properties, SparkDetectionSettings, "spark_detection")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<configuration><property name='a'", "spark_detection: the configuration is not well-formed XML"),
        ("<configuration><threshold>1</threshold></configuration>", r"expected <property name=.*found <threshold>"),
        ("<configuration><property name='threshold'/></configuration>", r"expected <property name=.*found <property>"),
        ("<configuration>threshold=1</configuration>", r"expected <property name=.*found the text 'threshold=1'"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><configuration/>', "not well-formed XML"),
        (
            "<configuration>" + "<property name='method' value='none'/>" * 1001 + "</configuration>",
            "spark_detection: expected at most 1000 properties, found 1001",
        ),
    ],
)
def test_a_configuration_that_cannot_be_read_says_why(text, message):
    with pytest.raises(SettingsError, match=message):
        properties_of(text, "spark_detection")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("calibraton.time_limit", "unknown property 'calibraton.time_limit', did you mean 'calibration.time_limit'"),
        ("image_fft.report", "unknown property 'image_fft.report', did you mean 'report'"),
    ],
)
def test_a_stage_that_is_not_there_is_told_with_its_setting(name, message):
    with pytest.raises(SettingsError, match=message):
        validate({name: "5"}, RawRepairSettings, "raw_repair")


def test_of_thousands_that_are_wrong_the_first_are_named():
    properties = {f"spark_detection.{'x' * 1000}{number}": "1" for number in range(20_000)}
    start = time.process_time()
    with pytest.raises(SettingsError, match=r"and 19992 more$") as failure:
        validate(properties, RawRepairSettings, "raw_repair")
    assert len(str(failure.value)) < 10_000
    assert time.process_time() - start < 5
