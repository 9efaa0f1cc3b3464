"""The log for programs."""

from __future__ import annotations

import json
import logging
import sys

from gadgets.findings import ScanFacts
from gadgets.indices import Indices
from gadgets.logbook import Recorder, ScanName, in_scan, note_scan
from gadgets.records import Calibration, Detection
from pipelines.monitoring.log_lines import JsonLines


def line(message, *args, error=None):
    record = logging.LogRecord("gadgets.node", logging.WARNING, "node.py", 1, message, args, error)
    return JsonLines().format(record)


def test_a_line_is_one_document():
    text = line("raw_repair: %d points\nand µ more", 3)
    assert "\n" not in text
    fields = json.loads(text)
    assert fields["message"] == "raw_repair: 3 points\nand µ more"
    assert (fields["level"], fields["logger"]) == ("WARNING", "gadgets.node")
    assert fields["time"].endswith("+00:00")


def test_a_traceback_has_its_own_field():
    try:
        raise ValueError("lost")
    except ValueError:
        fields = json.loads(line("failed", error=sys.exc_info()))
    assert fields["traceback"].endswith("ValueError: lost")


def test_what_is_logged_for_a_scan_names_it():
    with in_scan(ScanName("scan-7", "10.0.0.3:4242")):
        note_scan(protocol="gre", models=["outer 0123"])
        fields = json.loads(line("hello"))
    own = {"scan": "scan-7", "client": "10.0.0.3:4242", "protocol": "gre", "models": ["outer 0123"]}
    assert {name: fields[name] for name in own} == own
    assert "scan" not in json.loads(line("hello"))


def test_the_line_of_a_scan_says_what_was_found(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    with Recorder(str(tmp_path / "a.db"), "raw_repair", ScanFacts(protocol="gre", station="MR1"), {}, "pass") as scan:
        scan.add(Detection(indices=Indices(), patches=4, models=("outer 0123",)), Calibration(indices=Indices()))
    (record,) = caplog.records
    fields = json.loads(JsonLines().format(record))
    assert fields["message"] == "raw_repair: gre: No sparks."
    found = {"protocol": "gre", "station": "MR1", "sparks": 0, "repaired": 0, "models": ["outer 0123"]}
    assert {name: fields[name] for name in found} == found
