"""The logbook: an entry for each scan, from many processes at once, that never stands in the way of a scan."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from gadgets.errors import NodeError, StoreError
from gadgets.findings import Findings, ScanFacts
from gadgets.indices import Indices
from gadgets.logbook import Logbook, Recorder, entry_of, logbook_path, tables
from gadgets.logbook import store as store_module
from gadgets.records import Calibration, Detection, Point, RepairedPoint, TargetPatch

FACTS = ScanFacts(protocol="ep2d_bold", station="MR1", vendor="SIEMENS", coils=("A", "B"), tick_s=0.0025, is_clock=True)
POINT = Point(
    partition=0, line=3, sample=9, receivers=(1,), over_noise=(64.0,), receivers_repaired=(0, 1), probability=0.9,
    scan_counter=4, time_stamp=1400,
)  # fmt: skip
PATCH = TargetPatch(anchor=(0, 0, 0), shape=(1, 32, 32), probability=0.99, model="target_patches_outer")
DETECTION = Detection(
    indices=Indices(), shape=(2, 1, 32, 32), acquired=1024, moments=(1000, 2000), patches=4, points=(POINT,),
    target_patches=(PATCH,), models=("outer 0123456789ab",), provider="CPUExecutionProvider",
    thresholds={"patch_outer": 0.5}, thresholds_from="settings",
)  # fmt: skip
CALIBRATION = Calibration(
    indices=Indices(),
    points=(RepairedPoint(point=POINT, method="zero", magnitude_before=1, magnitude_after=0),),
)


def recorder(path, on_failure="pass", **settings):
    return Recorder(str(path), "calibration", FACTS, settings, on_failure)


def entry(days_ago=0.0, protocol="gre", **more):
    ended = datetime.now(timezone.utc) - timedelta(days=days_ago)
    made = entry_of("calibration", ScanFacts(protocol=protocol), (), **more)
    return made.model_copy(update={"ended": ended.isoformat(timespec="seconds")})


def test_a_scan_leaves_an_entry(tmp_path):
    with recorder(tmp_path / "new" / "scans.db", method="zero") as recording:
        recording.add(DETECTION, CALIBRATION)
    (kept,) = Logbook(tmp_path / "new" / "scans.db").entries()
    assert (kept.protocol, kept.station, kept.source, kept.settings) == (
        "ep2d_bold",
        "MR1",
        "calibration",
        {"method": "zero"},
    )
    assert (kept.k_spaces, kept.sparks, kept.repaired, kept.strongest) == (1, 1, 1, 2.0)
    assert kept.verdict == "1 spark, repaired, strongest 2 times the image noise; in receiver 1 (B) alone."
    (spark,) = kept.found
    assert (spark.receivers, spark.rnr, spark.line, spark.sample, spark.clock) == ((1,), 2.0, 3, 9, "00:00:03.500")
    assert (kept.thresholds, kept.thresholds_from, kept.patterns) == ({"patch_outer": 0.5}, "settings", ("receivers",))
    assert kept.models == ("outer 0123456789ab",)
    assert datetime.fromisoformat(kept.ended).utcoffset() == timedelta(0)
    assert datetime.fromisoformat(kept.local) == datetime.fromisoformat(kept.ended)


def test_a_scan_that_fails_is_recorded_with_its_reason(tmp_path):
    def scan():
        with recorder(tmp_path / "a.db") as recording:
            recording.add(DETECTION, CALIBRATION)
            raise NodeError("calibration: no device")

    with pytest.raises(NodeError):
        scan()
    (kept,) = Logbook(tmp_path / "a.db").entries()
    assert (kept.failure, kept.sparks) == ("calibration: no device", 1)


def test_a_failure_without_words_is_one_too(tmp_path):
    with pytest.raises(MemoryError), recorder(tmp_path / "scans.db"):
        raise MemoryError
    (kept,) = Logbook(tmp_path / "scans.db").entries()
    assert (kept.failure, kept.outcome) == ("MemoryError", "failed")


def test_what_is_no_scan_leaves_no_entry(tmp_path):
    with recorder(tmp_path / "a.db"):
        pass
    assert list(Logbook(tmp_path / "a.db").entries()) == []


def test_the_log_says_what_was_found(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    with recorder("off") as recording:
        recording.add(DETECTION, CALIBRATION)
    assert "1 spark, repaired, strongest 2 times" in caplog.text
    assert "calibration: 1 points repaired, 0 left as they are (first k-space)" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_many_processes_write_at_once(tmp_path):
    path = tmp_path / "scans.db"
    code = (
        "import sys; from pathlib import Path; from gadgets.findings import ScanFacts;"
        "from gadgets.logbook import Logbook, entry_of, tables;"
        # Nothing is to be lost here for want of time; that a scan is not held up is tested below.
        "tables.LONGEST_WAIT_S = 50;"
        "[Logbook(Path(sys.argv[1])).add(entry_of('node', ScanFacts(), ())) for _ in range(30)]"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(4)]
    assert [process.wait(120) for process in running] == [0] * 4
    assert len(list(Logbook(path).entries())) == 120


def test_a_logbook_that_is_locked_costs_no_scan(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(tables, "LONGEST_WAIT_S", 0.05)
    path = tmp_path / "scans.db"
    with recorder(path) as recording:
        recording.add(DETECTION, CALIBRATION)
        other = sqlite3.connect(path)
        other.execute("BEGIN EXCLUSIVE")
    assert "the scan is not recorded" in caplog.text
    other.close()


def test_a_disk_that_is_full_costs_no_scan(tmp_path):
    path = tmp_path / "scans.db"
    Logbook(path).prepare()
    code = (
        "import logging, resource, signal, sys; from gadgets.findings import ScanFacts;"
        "from gadgets.indices import Indices; from gadgets.logbook import Recorder;"
        "from gadgets.records import Calibration, Detection;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "logging.basicConfig(level=logging.INFO);"
        "scan = Recorder(sys.argv[1], 'calibration', ScanFacts(), {}, 'pass').__enter__();"
        "scan.add(Detection(indices=Indices()), Calibration(indices=Indices()));"
        "scan.__exit__(None, None, None)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "the scan is not recorded: scans.db: the logbook cannot be used" in ended.stderr
    assert list(Logbook(path).entries()) == []


def test_what_fails_in_telling_of_a_scan_does_not_end_it(tmp_path, caplog, monkeypatch):
    beyond = DETECTION.model_copy(update={"points": (POINT.model_copy(update={"over_noise": (1e200,)}),)})
    with recorder(tmp_path / "scans.db") as recording:
        recording.add(beyond, CALIBRATION)
        recording.add(DETECTION, CALIBRATION)
    (kept,) = Logbook(tmp_path / "scans.db").entries()
    assert kept.sparks == 1
    monkeypatch.setattr(Findings, "verdict", property(lambda _: 1 / 0))
    with recorder(tmp_path / "scans.db") as recording:
        recording.add(DETECTION, CALIBRATION)
    assert caplog.text.count("not recorded as it should be") == 2


@pytest.mark.parametrize("content", [b"no data base at all" * 100, None])
def test_a_logbook_that_cannot_be_used_follows_on_failure(tmp_path, caplog, content):
    path = tmp_path / "scans.db"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=r"scans\.db: the logbook cannot be"):
        recorder(path, "fail")
    with recorder(path) as recording:
        recording.add(DETECTION, CALIBRATION)
    assert "the scan is not recorded: scans.db: the logbook cannot be" in caplog.text
    assert str(tmp_path) not in caplog.text


def test_nobody_asked_for_auto_and_so_it_ends_no_scan(tmp_path, monkeypatch, caplog):
    (tmp_path / "despark").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("DESPARK_RECORD")
    with recorder("auto", "fail") as recording:
        recording.add(DETECTION, CALIBRATION)
    assert "the scan is not recorded" in caplog.text


def test_a_newer_table_is_not_touched(tmp_path):
    path = tmp_path / "scans.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(StoreError, match="written by a newer despark"):
        Logbook(path).add(entry())


def test_old_entries_and_too_many_are_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "MOST_SCANS", 3)
    book = Logbook(tmp_path / "scans.db")
    for days_ago in (900, 5, 4, 3, 2):
        book.add(entry(days_ago, protocol=f"p{days_ago}"))
    assert [each.protocol for each in book.entries()] == ["p4", "p3", "p2"]


def test_a_clock_that_is_years_ahead_for_one_scan_takes_few_entries_along(tmp_path, monkeypatch):
    book = Logbook(tmp_path / "scans.db")
    for days_ago in range(20, 0, -1):
        book.add(entry(days_ago, protocol=f"p{days_ago}"))
    # By such a clock all of them are too old.
    monkeypatch.setattr(store_module, "KEPT_DAYS", 0)
    book.add(entry(protocol="now"))
    kept = [f"p{days_ago}" for days_ago in range(20 - store_module.DROPPED_AT_ONCE, 0, -1)]
    assert [each.protocol for each in book.entries()] == [*kept, "now"]


def test_entries_are_chosen_by_time_and_name(tmp_path):
    book = Logbook(tmp_path / "scans.db")
    for days_ago, protocol in ((9, "T1_mprage"), (3, "ep2d_bold"), (1, "T1_space")):
        book.add(entry(days_ago, protocol))
    since = (datetime.now(timezone.utc) - timedelta(days=4)).isoformat()
    assert [each.protocol for each in book.entries(since=since)] == ["ep2d_bold", "T1_space"]
    assert [each.protocol for each in book.entries(protocol="t1_")] == ["T1_mprage", "T1_space"]
    assert list(book.entries(station="MR9")) == []


def test_a_folder_in_its_place_is_no_logbook_without_a_scan(tmp_path):
    with pytest.raises(StoreError, match=r"the logbook cannot be used \(expected a file, found a folder\)"):
        list(Logbook(tmp_path).entries())


def test_a_logbook_that_is_not_there_yet_is_said(tmp_path):
    with pytest.raises(StoreError, match="no scan has been recorded here yet"):
        list(Logbook(tmp_path / "scans.db").entries())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("record", "environment", "expected"),
    [
        ("off", {"DESPARK_RECORD": "x.db"}, None),
        ("y.db", {"DESPARK_RECORD": "off"}, Path("y.db")),
        ("auto", {"DESPARK_RECORD": "off"}, None),
        ("auto", {"DESPARK_RECORD": "x.db"}, Path("x.db")),
        ("auto", {"XDG_STATE_HOME": "/var/lib"}, Path("/var/lib/despark/scans.db")),
        ("auto", {"XDG_STATE_HOME": "relative"}, Path.home() / ".local/state/despark/scans.db"),
    ],
)
def test_where_the_logbook_lies(record, environment, expected):
    assert logbook_path(record, environment) == expected


def test_a_user_without_a_home_has_no_auto(monkeypatch):
    def no_home():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(StoreError, match="record=auto: expected a user with a home folder"):
        logbook_path("auto", {})


ROW = "INSERT INTO scans (ended, protocol, station, source, sparks, entry) VALUES ('2026', '', '', '', 0, ?)"
MANY = entry_of("calibration", FACTS, ()).model_dump_json().replace('"sparks":0', f'"sparks":{10**400}')
"""No mean can be made of it."""


@pytest.mark.parametrize("text", [MANY, "{not json", '{"ended": 5}', b"\xff\x00", "[]", "9" * 5000])
def test_an_entry_that_is_damaged_is_said_and_takes_no_other_along(tmp_path, text, caplog):
    logbook = Logbook(tmp_path / "scans.db")
    logbook.add(entry())
    with closing(sqlite3.connect(logbook.path)) as connection, connection:
        number = connection.execute(ROW, (text,)).lastrowid
    with pytest.raises(StoreError, match=r"scans.db: an entry is damaged"):
        logbook.entry(number)
    logbook.add(entry())
    assert len([*logbook.entries()]) == len(logbook.last(5)) == 2
    (record,) = caplog.records
    assert "scans.db: an entry is damaged" in record.getMessage()


def test_a_file_in_which_the_names_of_columns_are_no_text_is_refused(tmp_path):
    logbook = Logbook(tmp_path / "scans.db")
    logbook.add(entry())
    content = logbook.path.read_bytes()
    assert b"    sparks INTEGER" in content
    logbook.path.write_bytes(content.replace(b"station TEXT", b"\xf5tation TEXT"))
    with pytest.raises(StoreError, match=r"scans\.db: the logbook cannot be used"):
        list(logbook.entries())


def test_what_is_wrong_with_a_file_is_told_in_one_line(tmp_path):
    logbook = Logbook(tmp_path / "scans.db")
    logbook.add(entry())
    logbook.path.write_bytes(logbook.path.read_bytes().replace(b"TABLE scans (", b"TABLE [cans ("))
    with pytest.raises(StoreError, match=r"scans\.db: the logbook cannot be used") as caught:
        list(logbook.entries())
    assert len(str(caught.value).splitlines()) == 1


def test_an_entry_without_its_number_takes_no_other_along(tmp_path):
    logbook = Logbook(tmp_path / "scans.db")
    logbook.add(entry())
    with closing(sqlite3.connect(logbook.path)) as connection, connection:
        connection.execute("ALTER TABLE scans RENAME TO kept")
        connection.execute(
            "CREATE VIEW scans AS SELECT * FROM kept UNION ALL SELECT NULL, ended, '', '', '', 'x', entry FROM kept"
        )
    assert [number for number, _ in logbook.last(9)] == [1]


@pytest.mark.parametrize(("make", "found"), [(Path.mkdir, "a folder"), (os.mkfifo, "a device or a pipe")])
def test_what_is_no_file_is_named(tmp_path, make, found):
    make(tmp_path / "scans.db")
    with pytest.raises(StoreError, match=rf"cannot be used \(expected a file, found {found}\)"):
        Logbook(tmp_path / "scans.db").add(entry())


@pytest.mark.parametrize("table", ["scans", "history"])
def test_a_file_in_which_a_question_never_ends_is_given_up(tmp_path, table, monkeypatch):
    monkeypatch.setattr(tables, "MOST_STEPS", 10)
    logbook = Logbook(tmp_path / "scans.db")
    logbook.add(entry())
    columns = "'2026' AS ended, '' AS protocol, '' AS station, 0 AS sparks, '' AS entry"
    endless = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)"
    with closing(sqlite3.connect(logbook.path)) as connection, connection:
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"CREATE VIEW {table} AS {endless} SELECT id, {columns} FROM n")
    questions = [logbook.said] if table == "history" else [lambda: logbook.last(5), lambda: logbook.totals("")]
    for ask in questions:
        with pytest.raises(StoreError, match="the logbook cannot be used"):
            ask()


def test_an_entry_stays_small_whatever_comes(tmp_path):
    path = tmp_path / "scans.db"
    scan = recorder(path)
    for number in range(500):
        scan.add(Detection(indices=Indices(), warning=f"odd {number}"), Calibration(indices=Indices()))
    with pytest.raises(NodeError), scan:
        raise NodeError("\x1b[31m" + "long " * 10**6)
    (kept,) = Logbook(path).entries()
    assert kept.warnings[:2] == ("odd 0", "odd 1")
    assert len(kept.model_dump_json()) < 20_000
    assert kept.failure.isprintable()
