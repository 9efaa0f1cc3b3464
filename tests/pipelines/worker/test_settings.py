"""A worker's own settings: file and environment, and what goes before what."""

from __future__ import annotations

import json
import re

import pytest

from gadgets.errors import SettingsError
from gadgets.settings.definitions import NODE_SETTINGS
from gadgets.settings.parsing import properties_of
from pipelines.worker.settings import settings_schema, with_defaults, worker_settings


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "settings.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_nothing_said_is_nothing_set():
    assert not any(worker_settings(None, {"PATH": "/bin", "DESPARK_DATA": "/data"}).values())


def test_the_environment_goes_before_the_file(file):
    path = file({"spark_detection": {"threshold": 0.9, "provider": "cpu"}, "calibration": {"method": "zero"}})
    settings = worker_settings(path, {"DESPARK_SPARK_DETECTION_THRESHOLD": "0.8", "DESPARK_IMAGE_FFT_REPORT": "/r"})
    assert settings["spark_detection"] == {"threshold": "0.8", "provider": "cpu"}
    assert settings["calibration"] == {"method": "zero"}
    assert settings["image_fft"] == {"report": "/r"}


def test_a_stages_settings_hold_for_the_joined_node_unless_it_has_its_own(file):
    path = file({"spark_detection": {"threshold": 0.9, "patch_overlap": 8}, "calibration": {"method": "zero"}})
    environment = {"DESPARK_RAW_REPAIR_REPORT": "/r"}
    assert worker_settings(path, environment)["raw_repair"] == {
        "spark_detection.threshold": "0.9",
        "spark_detection.patch_overlap": "8",
        "calibration.method": "zero",
        "report": "/r",
    }
    path = file({"spark_detection": {"threshold": 0.9}, "raw_repair": {"spark_detection.threshold": 0.7}})
    assert worker_settings(path, {})["raw_repair"] == {"spark_detection.threshold": "0.7"}


BAD_FILES = {
    "not JSON": ("{", "not JSON"),
    "no object": ([1], r'expected {"NODE": {"PROPERTY": VALUE'),
    "no properties": ({"calibration": 1}, "expected {"),
    "unknown node": ({"sharpen": {}}, "unknown node 'sharpen'"),
    "unknown property": ({"calibration": {"a": 1}}, "calibration: unknown property 'a'"),
    "wrong type": ({"spark_detection": {"threshold": "high"}}, "spark_detection.threshold: .* found 'high'"),
    "a truth value": ({"spark_detection": {"threshold": True}}, "expected a text or a number, found true"),
    "a list": ({"spark_detection": {"threshold": [1]}}, r"expected a text or a number, found \[1\]"),
}


@pytest.mark.parametrize(("content", "reason"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused(file, content, reason):
    with pytest.raises(SettingsError, match=reason):
        worker_settings(file(content), {})


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=re.escape(f"{tmp_path}/no.json: cannot be read (No such file")):
        worker_settings(tmp_path / "no.json", {})


def test_an_unknown_property_in_the_environment_is_refused():
    with pytest.raises(SettingsError, match="spark_detection: unknown property 'treshold'"):
        worker_settings(None, {"DESPARK_SPARK_DETECTION_TRESHOLD": "0.9"})


DEFAULTS = {"threshold": "0.9", "provider": "cpu"}
DECLARATION = b'<?xml version="1.0"?>\n'


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        (DECLARATION, DEFAULTS),
        (DECLARATION + b"<configuration/>", DEFAULTS),
        (
            DECLARATION + b'<configuration><property name="threshold" value="0.1"/></configuration>\0',
            DEFAULTS | {"threshold": "0.1"},
        ),
    ],
)
def test_what_a_scan_says_goes_before_the_workers_own(configuration, expected):
    changed = with_defaults(configuration, DEFAULTS, "spark_detection")
    assert properties_of(changed, "spark_detection") == expected


@pytest.mark.parametrize("configuration", [b"<configuration", b"<configuration><method/></configuration>"])
def test_a_configuration_that_does_not_parse_is_left_to_the_node(configuration):
    assert with_defaults(configuration, DEFAULTS, "spark_detection") == configuration


def test_without_any_settings_there_is_still_a_configuration():
    assert with_defaults(DECLARATION, {}, "calibration") == DECLARATION + b'<configuration part="true" />\n'
    assert with_defaults(DECLARATION + b"<configuration/>", {}, "calibration") == DECLARATION + b"<configuration />\n"


def test_a_value_that_no_node_could_be_sent_is_refused_before_any_scan():
    with pytest.raises(SettingsError, match=r"spark_detection\.report: expected characters that XML has"):
        worker_settings(None, {"DESPARK_SPARK_DETECTION_REPORT": "/tmp/\udcff"})


def test_a_variable_that_is_like_a_setting_is_said_and_others_are_not(caplog):
    worker_settings(None, {"DESPARK_SPARK_DETECTON_THRESHOLD": "1", "DESPARK_DATA": "x", "DESPARK_FOO": "y"})
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("DESPARK_SPARK_DETECTON_THRESHOLD is set, which is no setting of a node, did you mean ")
    assert "'DESPARK_SPARK_DETECTION_THRESHOLD'" in said


def test_what_is_wrong_is_named_with_its_source(tmp_path):
    file = tmp_path / "own.json"
    file.write_text('{"calibration": {"method": "zero"}, "spark_detection": {"threshold": 7}}')
    with pytest.raises(SettingsError, match=r"own\.json: spark_detection\.threshold: expected at most"):
        worker_settings(file, {})
    with pytest.raises(SettingsError, match=r"^DESPARK_CALIBRATION_METHOD: calibration\.method: expected one of"):
        worker_settings(None, {"DESPARK_CALIBRATION_METHOD": "nil"})


def test_the_schema_knows_every_setting_and_no_other():
    schema = settings_schema()
    assert set(schema["properties"]) == set(NODE_SETTINGS)
    detection = schema["properties"]["spark_detection"]
    assert detection["additionalProperties"] is False
    assert set(detection["properties"]) == set(NODE_SETTINGS["spark_detection"].model_fields)
    assert all(part.get("description") for part in detection["properties"].values())
    references = re.findall(r'"\$ref": "#/\$defs/(\w+)"', json.dumps(schema))
    assert set(references) <= set(schema["$defs"])
