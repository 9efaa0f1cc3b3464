"""A node's report."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from gadgets.errors import SettingsError
from gadgets.indices import Indices
from gadgets.logbook import Report
from gadgets.records import Assembly


def test_lines_of_two_nodes_share_a_file(tmp_path):
    path = tmp_path / "report.json"
    for node in ("first", "second"):
        Report(path, node).add(Assembly(indices=Indices(slice=2), readouts=3, seconds=float("inf")))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["node"] for line in lines] == ["first", "second"]
    assert lines[0]["indices"]["slice"] == 2
    assert datetime.fromisoformat(lines[0]["date"]).tzinfo is not None


def test_no_file_no_report():
    Report(None, "node").add(Assembly(indices=Indices(), readouts=3))


def test_a_file_that_cannot_be_written_is_an_error_before_the_scan(tmp_path):
    with pytest.raises(SettingsError, match=r"node\.report: cannot write .*missing.*No such file"):
        Report(tmp_path / "missing" / "report.json", "node")


def test_a_file_that_can_no_longer_be_written_ends_no_scan(tmp_path, caplog):
    folder = tmp_path / "folder"
    folder.mkdir()
    report = Report(folder / "report.json", "node")
    (folder / "report.json").unlink()
    folder.rmdir()
    report.add(Assembly(indices=Indices(), readouts=3))
    assert "a line of the report is lost" in caplog.text


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n", b"a text", bytes(128), b'{"source": "scan.h5"}'])
def test_a_file_of_something_else_is_not_added_to(tmp_path, content, caplog):
    path = tmp_path / "scan.h5"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="expected records of nodes, found something else there"):
        Report(path, "node")
    Report(path, "node", "pass").add(Assembly(indices=Indices(), readouts=3))
    assert path.read_bytes() == content
    assert "scan.h5 (expected records" in caplog.text


def test_the_shortest_path_leaves_messages_as_they_are(caplog):
    report = Report(Path(), "node", "pass")
    said = report.add(Assembly(indices=Indices(), readouts=3))
    assert said.warning == "node.report: cannot write its file (Is a directory)"
    assert "node.report: cannot write" in caplog.text
