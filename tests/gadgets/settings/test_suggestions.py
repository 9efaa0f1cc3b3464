"""A name that nobody knows: what was meant is said, shortly, at every level of the settings."""

import pytest

from gadgets.errors import PipelineError, SettingsError
from gadgets.settings import NODE_SETTINGS, RawRepairSettings, SparkDetectionSettings, property_names, validate
from gadgets.settings.suggestions import MAX_LISTED, did_you_mean, meant_or_known
from pipelines.benchmark import read_setting
from pipelines.chains import find_chain

MANY = [f"name_{number}" for number in range(MAX_LISTED + 3)]
FIVE_LINES = 5 * 80


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("rpelay", ", did you mean 'replay'?"),
        ("Replay", ", did you mean 'replay'?"),
        ("x", ""),
        ("", ""),
        ("treshold", ", did you mean 'detection.threshold'?"),
        ("detection.treshold", ", did you mean 'detection.threshold'?"),
        ("detecton.threshold", ", did you mean 'detection.threshold'?"),
    ],
)
def test_what_was_meant_is_said(name, meant):
    assert did_you_mean(name, ["replay", "serve", "detection.threshold", "detection.method"]) == meant


def test_a_stage_that_is_right_does_not_make_its_properties_alike():
    assert did_you_mean("spark_detection.zzz", ["spark_detection.method", "spark_detection.models"]) == ""


def test_few_names_are_listed_and_many_only_where_nothing_is_like_them():
    assert meant_or_known("x", ["aa", "bb"]) == " (known: aa, bb)"
    assert meant_or_known("b", []) == " (known: none)"
    assert meant_or_known("bbb", ["aa", "bb"]) == ", did you mean 'bb'? (known: aa, bb)"
    assert meant_or_known("name-3", MANY).startswith(", did you mean 'name_3'")
    assert meant_or_known("x", MANY).endswith("name_11 and 3 more)")


@pytest.mark.parametrize("node", NODE_SETTINGS)
def test_the_names_of_properties_are_those_that_are_taken(node):
    names = property_names(NODE_SETTINGS[node])
    assert "report" in names
    for name in names:
        with pytest.raises(SettingsError) as refused:
            validate({name: object()}, NODE_SETTINGS[node], node)
        assert "unknown property" not in str(refused.value)


@pytest.mark.parametrize(
    ("pipeline", "assignment", "message"),
    [
        (
            "spark_calibration", "spark_detection.treshold=1",
            "spark_detection: unknown property 'treshold', did you mean 'threshold'?",
        ),
        (
            "repair_raw", "spark_detection.treshold=1",
            "raw_repair: unknown property 'spark_detection.treshold', did you mean 'spark_detection.threshold'?",
        ),
        (
            "repair_raw", "raw_repair.threshold=1",
            "raw_repair: unknown property 'threshold', did you mean 'spark_detection.threshold'?",
        ),
        (
            "repair_raw", "calibration.a=1",
            "raw_repair: unknown property 'calibration.a' "
            "(known: report, method, record, send_original, provider, models, time_limit, threads, on_failure)",
        ),
        (
            "spark_calibration", "raw_repair.spark_detection.threshold=1",
            "spark_calibration: no node 'raw_repair' to set 'spark_detection.threshold' of, "
            "did you mean 'spark_detection.threshold'?",
        ),
        (
            "spark_calibration", "spark_detecton.threshold=1",
            "spark_calibration: no node 'spark_detecton' to set 'threshold' of, did you mean 'spark_detection'? "
            "(known: acquisition_buffer, spark_detection, calibration, image_fft)",
        ),
        (
            "spark_calibration", "treshold=1",
            "expected NODE.PROPERTY=VALUE, found 'treshold=1', did you mean 'spark_detection.threshold'?",
        ),
    ],
)  # fmt: skip
def test_a_setting_that_is_unknown_says_what_was_meant(pipeline, assignment, message):
    with pytest.raises(SettingsError) as refused:
        find_chain(pipeline).with_settings([assignment])
    assert str(refused.value) == message


@pytest.mark.parametrize("name", ["zzz", "spark_detection.zzz"])
@pytest.mark.parametrize("model", [SparkDetectionSettings, RawRepairSettings])
def test_no_message_is_longer_than_five_lines(model, name):
    with pytest.raises(SettingsError, match="unknown property") as refused:
        validate({name: "1"}, model, "node")
    assert len(str(refused.value)) < FIVE_LINES


def test_the_drop_ins_name_in_front_is_understood():
    chain = find_chain("repair_raw").with_settings(["raw_repair.spark_detection.threshold=0.9"])
    assert chain.nodes[0].properties == {"spark_detection.threshold": "0.9"}
    assert read_setting("raw_repair.spark_detection.threshold=0.9") == ("spark_detection.threshold", "0.9")


def test_an_unknown_pipeline_says_what_was_meant():
    with pytest.raises(PipelineError, match=r"unknown pipeline 'repair-raw', did you mean 'repair_raw'\? \(known: "):
        find_chain("repair-raw")
