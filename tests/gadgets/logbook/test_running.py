"""Scans that run: seen while they do, gone when their process is."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from helpers.connections import wait_until

from gadgets.errors import StoreError
from gadgets.findings import ScanFacts
from gadgets.indices import Indices
from gadgets.logbook import (
    Logbook,
    Recorder,
    RunningFile,
    RunningScan,
    in_scan,
    record_broken_off,
    running_scans,
    show_running,
    tables,
    this_scan,
)
from gadgets.logbook.running_file import FILE_BYTES
from gadgets.records import Calibration, Detection

STATE = RunningScan(scan="scan-1", began="2026-11-01T10:00:00+00:00", source="raw_repair", protocol="gre", sparks=2)


def test_a_scan_is_seen_while_it_runs(tmp_path):
    book = tmp_path / "scans.db"
    with in_scan():
        recorder = Recorder(str(book), "raw_repair", ScanFacts(protocol="gre", announced=4), {}, "pass")
        assert running_scans(book) == []
        with recorder:
            for _ in range(2):
                recorder.add(Detection(indices=Indices(), patches=4), Calibration(indices=Indices()))
            (seen,) = running_scans(book)
            assert (seen.protocol, seen.source, seen.k_spaces, seen.announced) == ("gre", "raw_repair", 2, 4)
            assert seen.scan == this_scan().scan
            assert 0 <= seen.seconds < 3600
    assert running_scans(book) == []


def test_the_latest_stands_first(tmp_path):
    book = tmp_path / "scans.db"
    files = [RunningFile(book, f"scan-{hour}") for hour in (1, 3, 2)]
    for file, hour in zip(files, (1, 3, 2), strict=True):
        file.write(STATE.model_copy(update={"scan": f"scan-{hour}", "began": f"2026-11-01T0{hour}:00:00+00:00"}))
    assert [each.scan for each in running_scans(book)] == ["scan-3", "scan-2", "scan-1"]
    for file in files:
        file.close()
    # Nor is their folder left behind.
    assert list(tmp_path.iterdir()) == []


def test_a_scan_is_seen_though_its_folder_is_taken_away_as_it_begins(tmp_path, monkeypatch):
    folder = tmp_path / "scans.db.running"
    make = Path.mkdir

    def made_and_removed(path, **options):
        make(path, **options)
        if not any(tmp_path.glob("gone")):
            (tmp_path / "gone").touch()
            path.rmdir()

    monkeypatch.setattr(Path, "mkdir", made_and_removed)
    with closing(RunningFile(tmp_path / "scans.db", "scan-1")) as file:
        file.write(STATE)
        assert [each.scan for each in running_scans(tmp_path / "scans.db")] == ["scan-1"]
    assert not folder.exists()


def test_a_scan_whose_process_was_killed_has_failed(tmp_path):
    book = tmp_path / "scans.db"
    code = (
        "import sys, time; from pathlib import Path; from gadgets.logbook import RunningFile, RunningScan;"
        "file = RunningFile(Path(sys.argv[1]), 'scan-1');"
        f"file.write(RunningScan.model_validate_json({STATE.model_dump_json()!r})); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(book)]) as process:
        wait_until(lambda: running_scans(book) == [STATE])
        # Nobody takes a scan that runs for one that was killed.
        record_broken_off(Logbook(book))
        assert Logbook(book).last(9) == []
        os.kill(process.pid, signal.SIGKILL)
    assert running_scans(book) == []
    for _ in range(2):
        record_broken_off(Logbook(book))
    ((_, entry),) = Logbook(book).last(9)
    assert (entry.scan, entry.protocol, entry.sparks) == ("scan-1", "gre", 2)
    assert entry.failure == "its process ended in the middle of the scan"
    assert list((tmp_path / "scans.db.running").iterdir()) == []


def left_behind(book: Path, content: str) -> Path:
    path = book.with_name(f"{book.name}.running") / "scan-1.running"
    path.parent.mkdir()
    path.write_text(content)
    return path


def test_a_logbook_that_is_locked_costs_a_killed_scan_no_entry(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "LONGEST_WAIT_S", 0.05)
    book = tmp_path / "scans.db"
    Logbook(book).prepare()
    left_behind(book, STATE.model_dump_json())
    with closing(sqlite3.connect(book)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            record_broken_off(Logbook(book))
    record_broken_off(Logbook(book))
    ((_, entry),) = Logbook(book).last(9)
    assert entry.scan == "scan-1"


def test_what_cannot_be_removed_gets_no_entry_again_and_again(tmp_path, monkeypatch):
    book = tmp_path / "scans.db"
    left_behind(book, STATE.model_dump_json())
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    record_broken_off(Logbook(book))
    assert Logbook(book).last(9) == []


@pytest.mark.parametrize("count", [2**63, 10**400, -1])
def test_a_count_that_cannot_be_is_no_scan(tmp_path, count):
    book = tmp_path / "scans.db"
    path = left_behind(book, STATE.model_dump_json().replace('"sparks":2', f'"sparks":{count}'))
    record_broken_off(Logbook(book))
    assert Logbook(book).last(9) == []
    assert not path.exists()


def test_a_host_shows_a_scan_before_its_nodes_do(tmp_path, monkeypatch):
    book = tmp_path / "scans.db"
    monkeypatch.setenv("DESPARK_RECORD", str(book))
    with in_scan() as name, show_running(name, "the chain", ScanFacts(protocol="gre")):
        (seen,) = running_scans(book)
        assert (seen.source, seen.protocol, seen.k_spaces) == ("the chain", "gre", 0)
        with Recorder("auto", "raw_repair", ScanFacts(protocol="gre"), {}, "pass") as recorder:
            recorder.add(Detection(indices=Indices(), patches=4), Calibration(indices=Indices()))
            (seen,) = running_scans(book)
            assert (seen.source, seen.k_spaces) == ("raw_repair", 1)
        assert running_scans(book) == []
        assert len(Logbook(book).last(9)) == 1
    assert not (tmp_path / "scans.db.running").exists()
    monkeypatch.setenv("DESPARK_RECORD", "off")
    with show_running(name, "the chain", ScanFacts()):
        pass


def test_names_of_any_length_fit(tmp_path):
    book = tmp_path / "scans.db"
    file = RunningFile(book, "scan-1")
    file.write(STATE.model_copy(update={"protocol": "x" * FILE_BYTES}))
    assert running_scans(book) == [STATE.model_copy(update={"protocol": ""})]
    file.write(STATE)
    assert running_scans(book) == [STATE]
    file.close()


@pytest.mark.parametrize("is_file", [True, False])
def test_what_cannot_be_written_costs_nothing(tmp_path, is_file):
    book = tmp_path / "scans.db"
    if is_file:
        (tmp_path / "scans.db.running").write_text("in the way")
    file = RunningFile(book, "scan-1")
    if not is_file:
        with Path("/dev/full").open("wb") as full:  # a disk without room
            os.dup2(full.fileno(), file._descriptor)
    file.write(STATE)
    file.close()
    assert running_scans(book) == []


def test_what_else_lies_there_is_not_waited_for(tmp_path):
    logbook = Logbook(tmp_path / "scans.db")
    folder = tmp_path / "scans.db.running"
    folder.mkdir()
    os.mkfifo(folder / "a.running")
    (folder / "b.running").mkdir()
    (folder / "c.running").symlink_to("c.running")
    for began in ("", "yesterday", "2026-01-01"):
        (folder / "d.running").write_text(f'{{"scan": "d", "source": "x", "began": "{began}"}}')
        assert running_scans(logbook.path) == []
        record_broken_off(logbook)
    assert logbook.last(1) == []
