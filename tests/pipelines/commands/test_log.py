"""``despark log``: entries of scans in, tables in 80 columns, trends and files out."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta, timezone

import pytest
from rich.console import Console

from gadgets.findings import ScanFacts, Spark
from gadgets.indices import Indices
from gadgets.logbook import Logbook, entry_of
from pipelines.commands.command_line import main
from pipelines.commands.log import scan_table
from pipelines.commands.terminal.trends import direction_of, trends_of
from pipelines.phantom import PhantomScan, write_phantom

COILS = ("HEA;HE1", "HEA;HE2", "HEA;HE3")


def spark(*receivers):
    return Spark(
        indices=Indices(), partition=0, line=3, samples=(4, 5), radius=0.5, scan_counter=1, time_stamp=0,
        receivers=receivers, rnr=(1.5,) * len(receivers), receivers_repaired=(0, 1, 2), probability=0.9,
        methods=("zero",),
    )  # fmt: skip


def entry(days_ago, n_sparks, protocol="T1_mprage", receivers=(1,), hour=12):
    local = (datetime.now(timezone.utc) - timedelta(days=days_ago)).replace(hour=hour, minute=0)
    made = entry_of("raw_repair", ScanFacts(protocol=protocol, coils=COILS), [spark(*receivers)] * n_sparks)
    return made.model_copy(update={"ended": local.isoformat(timespec="seconds"), "local": local.isoformat()})


@pytest.fixture(autouse=True)
def logbook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    book = Logbook(tmp_path / "scans.db")
    for days_ago, n_sparks, protocol in ((20, 0, "T1"), (9, 1, "ep2d"), (3, 0, "T1"), (2, 7, "ep2d")):
        book.add(entry(days_ago, n_sparks, protocol))
    return book


def log(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["log", "--record", "scans.db", *arguments])
    return ended.value.code


def test_the_last_scans_are_shown(capfd):
    assert log() == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "8 sparks in 2 of 4 scans (scans.db)"
    assert max(map(len, lines)) <= 80
    assert [line.split()[2:4] for line in lines[2:6]] == [["T1", "0"], ["ep2d", "1"], ["T1", "0"], ["ep2d", "7"]]
    assert "#1 (HEA;HE2)" in lines[5]
    assert lines[6].startswith("ripple: stripes in the image")


def test_a_scan_that_was_not_judged_is_not_told_as_one_without_sparks(logbook, capfd):
    logbook.add(entry(1, 0, "T2").model_copy(update={"k_spaces": 3, "unjudged": 3}))
    logbook.add(entry(0, 0, "T2*").model_copy(update={"k_spaces": 3, "unjudged": 2}))
    assert log() == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "8 sparks in 2 of 6 scans, 1 not judged (scans.db)"
    assert [line.split()[2:] for line in lines[6:8]] == [["T2", "?", "not", "judged"], ["T2*", "0"]]


def test_what_was_found_in_each_scan_is_told_on_request(logbook, capfd):
    assert log() == 0
    assert "No sparks." not in capfd.readouterr().out
    logbook.add(entry(1, 1).model_copy(update={"source": "inspect", "verdict": "1 spark, can be repaired."}))
    assert log("-v") == 0
    said = capfd.readouterr().out
    assert "T1_mprage: 1 spark, can be repaired." in said
    assert "looked at" in said


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--days", "10"], "8 sparks in 2 of 3 scans"), (["--protocol", "t1"], "0 sparks in 0 of 2 scans"),
        (["--sparks"], "8 sparks in 2 of 2 scans"), (["--station", "MR7"], "0 sparks in 0 of 0 scans"),
    ],
)  # fmt: skip
def test_scans_are_chosen(capfd, arguments, expected):
    assert log(*arguments) == 0
    assert capfd.readouterr().out.startswith(expected)


def test_trends_are_shown_and_given_to_machines(capfd):
    assert log("--by", "protocol", "--json", "-") == 0
    assert json.loads(capfd.readouterr().out) == [
        {"name": "T1", "scans": 2, "with_sparks": 0, "sparks": 0},
        {"name": "ep2d", "scans": 2, "with_sparks": 2, "sparks": 8},
    ]
    assert log("--by", "day") == 0
    assert "Too few scans to say" in capfd.readouterr().out


def test_scans_go_into_files(tmp_path):
    assert log("--json", "r.json", "--csv", "r.csv", "-q") == 0
    assert [scan["sparks"] for scan in json.loads((tmp_path / "r.json").read_text())] == [0, 1, 0, 7]
    with (tmp_path / "r.csv").open(newline="") as file:
        assert [row["protocol"] for row in csv.DictReader(file)] == ["T1", "ep2d", "T1", "ep2d"]


def test_the_table_goes_to_standard_output_alone(capfd, tmp_path):
    assert log("--csv", "-") == 0
    captured = capfd.readouterr()
    assert [row["sparks"] for row in csv.DictReader(captured.out.splitlines())] == ["0", "1", "0", "7"]
    assert "8 sparks in 2 of 4 scans" in captured.err
    assert not (tmp_path / "-").exists()
    assert log("--csv", "-", "--json", "-") == 1
    assert "expected --csv - or --json -, found both" in capfd.readouterr().err


@pytest.mark.parametrize("width", [80, 70])
def test_narrow_tables_shorten_names_and_no_numbers(capsys, width):
    made = entry(0, 146, "a_protocol_with_a_long_name", receivers=(0, 1, 2))
    made = made.model_copy(update={"strongest": 12.0, "coils": ("a_long_name_of_a_coil",) * 3})
    Console(width=width).print(scan_table([made]))
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split() == ["when", "protocol", "sparks", "repaired", "ripple", "receivers", "hit"]
    assert line.startswith(f"{made.local[5:10]} 12:00  a_protocol")
    assert line.split()[3:6] == ["146", "146", "12"]


def test_a_logbook_that_is_off_or_not_there_is_said(capfd, monkeypatch, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["log"])
    assert ended.value.code == 1
    assert "DESPARK_RECORD=off" in capfd.readouterr().err
    monkeypatch.delenv("DESPARK_RECORD")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(SystemExit):
        main(["log"])
    assert "no scan has been recorded here yet" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["inspect", "scan.h5"], ["replay", "scan.h5", "-o", "o.h5"],
                                       ["replay", "scan.h5", "-o", "o.h5", "--pipeline", "repair_raw"]])  # fmt: skip
def test_a_scan_that_a_command_sees_is_recorded_once(tmp_path, arguments):
    write_phantom(tmp_path / "scan.h5", PhantomScan(matrix=32, n_coils=4, n_slices=2, n_noise=0))
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "-q", "--set", "calibration.record=new.db"])
    assert ended.value.code == 0
    (kept,) = Logbook(tmp_path / "new.db").entries()
    assert (kept.k_spaces, kept.unjudged, kept.sparks, kept.verdict) == (2, 0, 0, "No sparks.")


def test_trends_by_hour_and_receiver():
    entries = [entry(1, 2, receivers=(0, 2), hour=8), entry(1, 0, hour=9), entry(2, 1, receivers=(2,), hour=8)]
    assert [tuple(row) for row in trends_of(entries, "hour")] == [("08:00", 2, 2, 3), ("09:00", 1, 0, 0)]
    assert [tuple(row) for row in trends_of(entries, "receiver")] == [("0 HEA;HE1", 3, 1, 2), ("2 HEA;HE3", 3, 2, 3)]
    other = entry(1, 0).model_copy(update={"coils": COILS[:2]})
    assert [row.scans for row in trends_of([*entries, other], "receiver")] == [4, 3]
    assert trends_of([], "day") == []


@pytest.mark.parametrize(
    ("counts", "word"),
    [
        ([0, 0, 1, 0, 4, 3, 5, 4], "It gets worse: 0.25"), ([5, 4, 6, 5, 0, 0, 1, 0], "It gets better"),
        ([1, 0, 1, 1, 0, 1], "No clear change"), ([0, 9], "Too few scans"),
        # One bad scan shows no direction.
        ([0, 0, 1, 0, 0, 40, 0, 1], "No clear change"),
    ],
)  # fmt: skip
def test_whether_it_gets_worse(counts, word):
    assert direction_of([entry(30 - number, count) for number, count in enumerate(counts)]).startswith(word)


def test_a_file_that_is_looked_at_again_and_a_scan_that_was_not_judged_are_no_trend():
    scans = [entry(30, 1)] * 6
    looks = [entry(1, 9).model_copy(update={"source": source}) for source in ("inspect", "image")] * 9
    unjudged = [entry(1, 0).model_copy(update={"k_spaces": 3, "unjudged": 3})]
    said = " Looks at files and what was not judged do not count here (19 of 25)."
    assert direction_of([*scans, *looks, *unjudged]) == direction_of(scans) + said


def test_what_stands_in_a_foreign_logbook_does_nothing_to_terminal_and_spreadsheet(logbook, capfd, tmp_path):
    evil = {"protocol": "=CMD()\x1b[2J", "station": "\x1b]0;x\x07", "verdict": "\x1b[5m", "coils": ("\x1b[1m",) * 3}
    logbook.add(entry(0, 1).model_copy(update=evil))
    for arguments in ([], ["-v"], ["--by", "protocol"], ["--by", "receiver"]):
        assert log(*arguments) == 0
        assert "\x1b" not in capfd.readouterr().out
    assert log("--csv", "r.csv", "-q") == 0
    with (tmp_path / "r.csv").open(newline="") as file:
        assert [*csv.DictReader(file)][-1]["protocol"].startswith("'=CMD()")


@pytest.mark.parametrize("days", ["nan", "inf", "-inf", "1e9", "1e300"])
def test_a_number_of_days_that_is_none_is_a_wrong_call(capfd, days):
    assert log("--days", days) == 2
    assert "Traceback" not in capfd.readouterr().err
