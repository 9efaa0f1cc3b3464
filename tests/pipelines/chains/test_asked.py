"""What a client asks a server for: by name, as XML, or changed by parameters."""

from __future__ import annotations

import logging

import pytest

from gadgets.errors import DesparkError, SettingsError
from pipelines.chains import OURS, AskedChains, find_chain


def test_a_name_that_is_not_known_gets_the_default_chain_and_the_log_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        asked = AskedChains("a scanner", OURS, "repair_raw")
        assert asked.named("openrecon.xml").source == asked.named("repair_raw.xml").source
    assert caplog.messages == ["a scanner: no configuration 'openrecon.xml' here, repair_raw is run"]


def test_without_a_default_chain_a_name_that_is_not_known_is_an_error():
    with pytest.raises(DesparkError, match="openrecon"):
        AskedChains("a scanner", OURS).named("openrecon.xml")


def test_parameters_change_settings_and_a_configuration_that_is_known():
    asked = AskedChains("a scanner", OURS)
    first = find_chain("spark_calibration")
    other = asked.changed(first, "repair_raw", ["spark_detection.threshold=0.7"])
    assert other.source == find_chain("repair_raw").source
    assert asked.changed(first, "of_another_program", []).source == first.source
    with pytest.raises(SettingsError, match="threshold"):
        asked.changed(first, "", ["spark_detection.threshold=7"])
