"""What a node's process writes: in the log of the host, with what only the node knows of the scan."""

from __future__ import annotations

import io
import json
import logging

import pytest

from gadgets.findings import ScanFacts
from gadgets.indices import Indices
from gadgets.logbook import SCAN_FIELDS, Recorder, ScanName, in_scan, note_scan, of_this_scan
from gadgets.records import Calibration, Detection
from pipelines.host.nodes.node_log import NodeLog
from pipelines.monitoring import JsonLines

PACKAGE_LINE = "11-29 01:02:03.456 WARNING [ext. 12 gadgets.x] x: warm"


def logged(text, caplog):
    caplog.set_level(logging.INFO)
    with in_scan(ScanName("scan-7", "10.0.0.3:4242")):
        log = NodeLog(io.BytesIO(text.encode()), "calibration")
        last_words = log.last_words()
        return last_words, of_this_scan()


def written(do, caplog):
    """The lines that a node of ours writes of what is done."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(JsonLines().format(record))
    caplog.set_level(logging.INFO)
    logging.getLogger().addHandler(handler)
    try:
        with in_scan(ScanName("scan-7", "10.0.0.3:4242")):
            note_scan(protocol="gre")
            do()
    finally:
        logging.getLogger().removeHandler(handler)
        caplog.clear()
    return "\n".join(lines) + "\n"


def test_the_host_learns_the_models_and_what_was_found(tmp_path, caplog):
    def scan():
        with Recorder(str(tmp_path / "a.db"), "calibration", ScanFacts(protocol="gre"), {}, "pass") as recorder:
            recorder.add(Detection(indices=Indices(), patches=1, models=("outer 01",)), Calibration(indices=Indices()))

    _, known = logged(written(scan, caplog), caplog)
    assert known["models"] == ["outer 01"]
    (record,) = caplog.records
    assert record.getMessage() == "calibration: gre: No sparks."
    assert getattr(record, SCAN_FIELDS) == {"station": "", "sparks": 0, "repaired": 0}


def test_a_failure_of_a_node_of_ours_is_its_last_words(caplog):
    def fail():
        try:
            raise ValueError("odd shape")
        except ValueError:
            logging.getLogger().exception("calibration failed")

    last_words, _ = logged(written(fail, caplog), caplog)
    assert last_words == "calibration failed | ValueError: odd shape"
    assert caplog.records[0].levelname == "ERROR"


@pytest.mark.parametrize(
    ("text", "level", "message"),
    [
        (PACKAGE_LINE, "WARNING", "calibration: x: warm"),
        ("something else", "INFO", "calibration: something else"),
        ("{not json", "INFO", "calibration: {not json"),
        (json.dumps({"level": "ERROR"}), "INFO", 'calibration: {"level": "ERROR"}'),
    ],
)
def test_lines_of_others_are_passed_on(text, level, message, caplog):
    logged(f"{text}\n", caplog)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (level, message)
