"""FIRE and OpenRecon: clients that name a configuration, and send parameters as JSON behind the header.

The bytes are laid out as the client of python-ismrmrd-server sends them: texts end with a zero byte.
"""

from __future__ import annotations

import json
import logging

import pytest
from helpers.raw_scans import HEADER, converse, scan_bytes, scan_items

from gadgets.errors import PipelineError
from pipelines.host.host import Host
from pipelines.host.parameters import Parameters, read_parameters
from pipelines.messages.messages import MessageID, filename_message, text_message

OFF = {"spark_detection.method": "none", "calibration_method": "none"}


def session(name, parameters=None, items=None):
    """All that a client sends: the configuration's name, the header, parameters, data and CLOSE."""
    plain = scan_bytes(filename_message(name), items, header=HEADER + b"\0")
    if parameters is None:
        return plain
    text = json.dumps(parameters) if isinstance(parameters, dict) else parameters
    start = len(filename_message(name).data) + len(text_message(MessageID.HEADER, HEADER + b"\0").data)
    return plain[:start] + bytes(text_message(MessageID.TEXT, f"{text}\0").data) + plain[start:]


@pytest.fixture(scope="module")
def host():
    with Host(default_chain="repair_raw") as running:
        yield running


def test_a_scan_goes_through_the_chain_that_is_named(host):
    messages = converse(host.address, session("spark_calibration", {"parameters": OFF}))
    assert [message.id for message in messages] == [MessageID.IMAGE, MessageID.CLOSE]


def test_a_name_that_is_not_known_gets_the_default(host, caplog):
    with caplog.at_level(logging.WARNING):
        messages = converse(host.address, session("openrecon", {"version": "1.0", "parameters": OFF}))
    assert [message.body for message in messages[:-1]] == [item.to_bytes() for item in scan_items()]
    assert "no configuration 'openrecon' here, repair_raw is run" in caplog.text


def test_the_parameters_may_name_another_configuration(host):
    parameters = {"parameters": {**OFF, "config": "openrecon", "customconfig": "spark_calibration"}}
    messages = converse(host.address, session("null", parameters))
    assert [message.id for message in messages] == [MessageID.IMAGE, MessageID.CLOSE]


def test_a_parameter_that_is_wrong_is_named_to_the_client(host):
    messages = converse(host.address, session("repair_raw", {"parameters": {"spark_detection_thresold": 1}}))
    assert "unknown property 'spark_detection.thresold'" in messages[-2].text
    assert "did you mean 'spark_detection.threshold'?" in messages[-2].text


def test_a_parameter_may_not_name_what_a_client_may_not(host):
    messages = converse(host.address, session("repair_raw", {"parameters": {**OFF, "raw_repair_report": "/tmp/x"}}))
    assert messages[-2].id is MessageID.TEXT
    assert "report" in messages[-2].text


def test_a_text_that_is_no_json_costs_no_scan(host, caplog):
    with caplog.at_level(logging.WARNING):
        messages = converse(host.address, session("repair_raw", "sharpen, please"))
    assert len(messages) == len(scan_items()) + 1
    assert "is not JSON" in caplog.text


def test_without_a_default_the_name_is_an_error():
    with Host() as plain:
        messages = converse(plain.address, session("openrecon"))
    assert "unknown pipeline 'openrecon'" in messages[-2].text


def test_a_default_that_is_not_there_is_refused_at_once():
    with pytest.raises(PipelineError, match="unknown pipeline 'repair-raw', did you mean 'repair_raw'"):
        Host(default_chain="repair-raw")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", Parameters()),
        ("[" * 100_000, Parameters()),
        ('{"parameters": {"spark_detection_threshold": [1]}}', Parameters("", ("spark_detection.threshold=[1]",))),
        ('{"parameters": 3}', Parameters()),
        ('{"parameters": {"config": ""}}', Parameters()),
        (
            '{"parameters": {"calibration_time_limit": 7, "spark_detection_image_check": true, "sendoriginal": true}}',
            Parameters("", ("calibration.time_limit=7", "spark_detection.image_check=true")),
        ),
    ],
)
def test_what_concerns_us_is_read(text, expected):
    assert read_parameters(text) == expected


def test_parameters_of_other_programs_are_counted_and_not_named(caplog):
    """Neither their names nor their values: somebody else has given them."""
    caplog.set_level("DEBUG")
    text = json.dumps({"parameters": {**OFF, "TOKNAME": "TOKVALUE"}, "TOKOTHER": 1})
    assert read_parameters(text).settings
    assert "1 of 3 parameters of the client are no settings, and are left out" in caplog.text
    assert "TOK" not in caplog.text


def test_more_parameters_than_there_are_settings_are_refused(host):
    many = {f"spark_detection.a{number}": 1 for number in range(1000)}
    reason = converse(host.address, session("repair_raw", {"parameters": many}))[0].text
    assert reason == "expected at most 256 parameters behind the header, found 1000"
