"""Over HTTP: nothing without the key, nothing from another page, and what is said changes the next scan."""

from __future__ import annotations

import os
import re
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.clients.forms import THRESHOLDS
from helpers.connections import wait_until

from gadgets.findings import ScanFacts
from gadgets.logbook import Logbook, RunningFile, RunningScan, SparkEntry, entry_of, now
from gadgets.patch_models import Feedback, read_history


def test_names_from_scanners_are_text_and_nothing_else(opened):
    with opened() as visitor:
        evil = '<script>alert("x")</script>'
        visitor.desk.logbook.add(entry_of(evil, ScanFacts(protocol=evil, station=evil), [], verdict=evil))
        visitor.enter()
        for path in ("/", "/lists"):
            assert b"<script>alert" not in visitor.ask("GET", path).text
        assert b"&lt;script&gt;alert" in visitor.ask("GET", "/").text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threshold": "1.5"}, "spark_detection.threshold"), ({"threshold": "nan"}, "spark_detection.threshold"),
        ({"core_threshold": ""}, "spark_detection.core_threshold"), ({"by": " "}, "the name of who decides"),
    ],
)  # fmt: skip
def test_thresholds_that_are_none_are_refused_with_the_reason(opened, change, said):
    with opened() as visitor:
        answer = visitor.enter().send("/thresholds", **THRESHOLDS | change)
        assert (answer.status, said.encode() in answer.text) == (400, True)
        assert b'role="alert"' in answer.text
        assert visitor.desk.logbook.said() == []


def test_thresholds_that_are_set_hold_for_the_next_scan(opened, sparked):
    with opened(sparked) as visitor:
        ((number, before),) = visitor.enter().wait_for_scans(1)
        assert before.sparks > 10
        # What is seen of it: the image before and after, k-space and its marks.
        for what in ("before", "after", "kspace"):
            assert visitor.ask("GET", f"/picture/{number}/0/{what}.png").text.startswith(b"\x89PNG")
        assert b"<ellipse" in visitor.ask("GET", "/").text
        assert visitor.send("/thresholds", **THRESHOLDS | {"threshold": "0.8"}).status == 303
        (change,) = visitor.desk.in_force().changes
        assert (change.by, change.threshold, change.at[:2]) == ("anna", 0.8, "20")
        after = visitor.look_again()
        assert 0 < after.sparks < before.sparks
        assert after.thresholds["patch_outer"] == 0.8
        assert after.thresholds_from.startswith("history, set by anna 20")


def test_what_is_said_of_sparks_moves_the_thresholds_of_the_next_scan(opened, sparked):
    with opened(sparked) as visitor:
        ((number, before),) = visitor.enter().wait_for_scans(1)
        # The page is believed where it says which ones were none: all that the models were least sure of.
        unsure = [place for place, spark in enumerate(before.found) if spark.probability < 0.9999]
        assert len(unsure) >= 10
        for place in range(len(before.found)):
            answer = visitor.send("/judge", scan=number, spark=place, was_spark="no" if place in unsure else "yes")
            assert answer.headers["Location"] == f"/?scan={number}#spark{place}"
        said = read_history(visitor.desk.logbook.path).feedback
        assert [each.was_spark for each in said].count(False) == len(unsure)
        assert {each.architecture for each in said} == {"cnn"}
        assert visitor.ask("GET", "/").text.count(b'aria-pressed="true"') == before.sparks
        after = visitor.look_again()
        assert after.thresholds["point_outer"] > before.thresholds["point_outer"]
        assert after.sparks < before.sparks


def test_a_spark_is_told_in_the_words_of_the_other_outputs(opened, sparked):
    with opened(sparked) as visitor:
        ((_, entry),) = visitor.enter().wait_for_scans(1)
        spark = next(each for each in entry.found if len(each.receivers) == 4)
        page = visitor.ask("GET", "/").text.decode()
        assert spark.where.startswith("slice ")
        assert f"<td>{spark.where}, line&nbsp;{spark.line}, sample&nbsp;{spark.sample}</td>" in page
        assert ">4 receivers</td>" in page
        assert re.search(r"<td>\d+&nbsp;%</td>", page)


def test_a_scan_that_was_not_judged_is_not_shown_as_one_without_sparks(opened):
    with opened() as visitor:
        visitor.desk.logbook.add(entry_of("raw_repair", ScanFacts(), [], k_spaces=3, unjudged=3))
        page = visitor.enter().ask("GET", "/").text
    assert b'<span class="status warn">not judged</span>' in page
    assert b"<td>?</td>" in page


def test_of_what_is_said_twice_the_last_counts(opened, sparked):
    with opened(sparked) as visitor:
        ((number, _),) = visitor.enter().wait_for_scans(1)
        visitor.send("/judge", scan=number, spark=0, was_spark="no")
        visitor.send("/judge", scan=number, spark=0, was_spark="yes")
        assert list(visitor.desk.verdicts().values()) == ["yes"]
        assert len(visitor.desk.logbook.said()) == 2


@pytest.mark.parametrize("form", [{"scan": "1", "spark": "0"}, {"scan": "", "spark": ""}, {"scan": "x", "spark": "-1"}])
def test_a_spark_that_is_not_there_cannot_be_judged(opened, form):
    with opened() as visitor:
        answer = visitor.enter().send("/judge", was_spark="yes", **form)
        assert answer.status == 400
        assert visitor.desk.logbook.said() == []


@pytest.mark.parametrize("probability", [2.0, -0.5])
def test_a_damaged_entry_is_told_of_where_somebody_judges_it(opened, probability):
    spark = SparkEntry(receivers=(0,), rnr=1.0, line=1, sample=1, is_repaired=True, radius=0.5, probability=probability)
    with opened() as visitor:
        scan = visitor.desk.logbook.add(entry_of("raw_repair", ScanFacts(), []).model_copy(update={"found": (spark,)}))
        answer = visitor.enter().send("/judge", scan=scan, spark=0, was_spark="yes")
        assert (answer.status, b"its entry is damaged (a probability of" in answer.text) == (400, True)


def test_a_file_that_cannot_be_read_is_told_of(opened, tmp_path):
    file = tmp_path / "broken.h5"
    file.write_bytes(b"no raw data")
    with opened(file) as visitor:
        visitor.enter()
        deadline = time.monotonic() + 30
        while visitor.ask("GET", "/lists").headers["X-Status"] != "broken.h5: not an HDF5 file":
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_scan_that_runs_is_shown_with_how_far_it_is(opened):
    with opened() as visitor:
        visitor.enter()
        state = RunningScan(
            scan="scan-1", began=now(), source="raw_repair", protocol="<gre>", announced=40, k_spaces=10, sparks=3
        )
        file = RunningFile(visitor.desk.logbook.path, state.scan)
        file.write(state)
        for path in ("/", "/lists"):
            text = visitor.ask("GET", path).text.decode()
            assert "10 of 40 k-spaces" in text
            assert '<progress max="40" value="10"' in text
            assert "&lt;gre&gt;" in text
        # A header may announce less than comes.
        file.write(state.model_copy(update={"k_spaces": 41}))
        text = visitor.ask("GET", "/lists").text.decode()
        assert "41 k-spaces" in text
        assert "<progress" not in text
        file.close()
        assert b"k-spaces" not in visitor.ask("GET", "/lists").text


def test_what_sparks_did_to_an_image_is_written_down_once(opened, sparked):
    with opened(sparked) as visitor:
        ((number, _),) = visitor.enter().wait_for_scans(1)
        for impact in ("low", "high"):
            answer = visitor.send("/impact", scan=number, image=1, impact=impact)
            assert answer.headers["Location"] == f"/?scan={number}#image1"
        (said,) = read_history(visitor.desk.logbook.path).impacts
        assert (said.impact, said.by) == ("high", "anna")
        # A spark that was simulated to be seen is no weaker than a hundredth of what is around the centre.
        assert 0.01 < said.magnitude < 100
        page = visitor.ask("GET", "/").text.decode()
        assert '<button name="impact" value="high" aria-pressed="true">' in page
        assert "1 hindered diagnosis" in page
        for form in ({"impact": "none"}, {"impact": "low", "image": 9}, {"impact": "low", "scan": 99}):
            assert visitor.send("/impact", **{"scan": number, "image": 0, **form}).status == 400


def test_the_page_that_a_server_keeps_is_opened_from_its_scan(opened, tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "scan-7.html").write_text("<p>kept</p>")
    (tmp_path / "secret.html").write_text("secret")
    with opened() as visitor:
        visitor.enter()
        book = visitor.desk.logbook
        numbers = [
            book.add(entry_of("raw_repair", ScanFacts(), [], scan=scan))
            for scan in ("scan-7", "scan-8", "", "../secret", "scan-/../../secret")
        ]
        assert f'href="/kept/{numbers[0]}.html"'.encode() in visitor.ask("GET", f"/?scan={numbers[0]}").text
        kept = visitor.ask("GET", f"/kept/{numbers[0]}.html")
        assert (kept.status, kept.text) == (200, b"<p>kept</p>")
        # A page of a folder may have been written by anybody: it runs nothing, and reads nothing of the console.
        assert "sandbox" in kept.headers["Content-Security-Policy"]
        for number in [*numbers[1:], 99]:
            assert visitor.ask("GET", f"/kept/{number}.html").status == 404
            assert f'href="/kept/{number}.html"'.encode() not in visitor.ask("GET", f"/?scan={number}").text
        visitor.cookie = ""
        assert visitor.ask("GET", f"/kept/{numbers[0]}.html").status == 403


def test_a_file_that_a_server_keeps_gives_pictures_to_the_scan_itself(opened, sparked, tmp_path):
    kept = tmp_path / "scan-7.h5"
    kept.write_bytes(sparked.read_bytes())
    number = Logbook(tmp_path / "scans.db").add(entry_of("raw_repair", ScanFacts(), [], scan="scan-7"))
    with opened(kept) as visitor:
        visitor.enter()
        _, seen = wait_until(lambda: visitor.looker.seen(number))
        assert len(visitor.desk.scans()) == 1
        assert visitor.ask("GET", f"/picture/{number}/0/after.png").status == 200
        assert f"found {len(seen.report.sparks)} sparks".encode() in visitor.ask("GET", "/").text
        # The page is made of what was seen.
        assert b"<svg" in visitor.ask("GET", f"/kept/{number}.html").text
        # Looked at again, with other thresholds perhaps, it is another entry.
        visitor.look_again()


def test_a_file_of_a_scan_that_runs_is_not_looked_at(opened, sparked, tmp_path):
    kept = tmp_path / "scan-7.h5"
    kept.write_bytes(sparked.read_bytes())
    running = RunningFile(tmp_path / "scans.db", "scan-7")
    running.write(RunningScan(scan="scan-7", began=now(), source="raw_repair"))
    with opened(kept, sparked) as visitor:
        ((_, seen),) = visitor.wait_for_scans(1)
        assert seen.sparks > 10
        running.close()
        visitor.wait_for_scans(2)


def test_a_file_that_grows_is_looked_at_again(opened, sparked, tmp_path):
    growing = tmp_path / "scan.h5"
    growing.write_bytes(sparked.read_bytes()[:999])
    with opened(growing) as visitor:
        wait_until(lambda: "scan.h5" in visitor.looker.status() and "looking" not in visitor.looker.status())
        growing.write_bytes(sparked.read_bytes())
        ((number, seen),) = visitor.wait_for_scans(1)
        assert seen.sparks > 10
        wait_until(lambda: visitor.looker.status() == "")
        # Whole now, it is left alone.
        assert [each for each, _ in visitor.desk.scans()] == [number]


def test_the_history_of_an_older_console_is_taken_over(opened, tmp_path):
    line = Feedback(region="outer", probability=0.7, was_spark=False, spark="one").model_dump_json()
    (tmp_path / "history.jsonl").write_text(f"{line}\n")
    for _ in range(2):
        with opened() as visitor:
            assert visitor.desk.verdicts() == {"one": "no"}
            assert visitor.desk.in_force().n_feedback == 1


@pytest.mark.parametrize("name", [b"\xff\xfe.h5", b"a\x1b[31m<script>.h5", b"line\nbreak.h5"])
def test_a_file_of_any_name_leaves_the_page_in_order(opened, tmp_path, name):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.write_bytes(b"no raw file")
    with opened(path) as visitor:
        visitor.enter()
        wait_until(lambda: ".h5" in visitor.looker.status() and "looking at" not in visitor.looker.status())
        for address in ("/", "/lists"):
            answer = visitor.ask("GET", address)
            assert answer.status == 200
            assert b"<script>." not in answer.text
            answer.text.decode()


def test_what_fails_is_said_and_not_left_without_an_answer(opened, monkeypatch, caplog):
    with opened() as visitor:
        visitor.enter()
        assert visitor.send("/look", Origin="http://[::1").status == 400
        assert visitor.ask("POST", "/look", {}, Origin="http://[::1").status == 403
        assert visitor.ask("GET", "//[::1").status in (400, 404)
        assert visitor.send("/look/../look").status == 400
        form = f"form_key={visitor.served.access.form_key}"
        head = f"Host: 127.0.0.1\r\nCookie: {visitor.cookie}\r\nContent-Length: {len(form)}"
        # Libraries of clients refuse such an address.
        with socket.create_connection(("127.0.0.1", visitor.served.port)) as client:
            client.sendall(f"POST http://[::1 HTTP/1.1\r\n{head}\r\n\r\n{form}".encode())
            assert b"400 Bad Request" in client.makefile("rb").readline()
        assert "Traceback" not in caplog.text
        monkeypatch.setattr(visitor.desk, "scans", lambda: 1 / 0)
        answer = visitor.ask("GET", "/")
        assert (answer.status, b"the log of despark console says why" in answer.text) == (500, True)
        assert "ZeroDivisionError" in caplog.text


def test_the_last_image_of_a_scan_that_runs_is_made_for_who_looks_and_gone_with_it(opened, tmp_path):
    images = np.full((40, 30), 2.0), np.full((40, 30), 1.0)
    with opened() as visitor:
        visitor.enter()
        running = RunningFile(visitor.desk.logbook.path, "scan-1")
        state = RunningScan(scan="scan-1", began=now(), source="raw_repair", protocol="gre<b>")
        running.picture.show(lambda: pytest.fail("nobody looks"))
        running.write(state)
        address = "/running/scan-1/before.png"
        assert visitor.ask("GET", address).status == 404
        page = visitor.ask("GET", "/?running=scan-1").text
        assert b"The next k-space will be shown here" in page
        assert b"gre&lt;b&gt;" in page
        running.picture.show(lambda: images)
        running.write(state.model_copy(update={"pictures": running.picture.count, "sparks": 2, "k_spaces": 7}))
        page = visitor.ask("GET", "/?running=scan-1").text
        assert b"2 sparks so far" in page
        assert address.encode() in page
        before, after = (visitor.ask("GET", f"/running/scan-1/{which}.png") for which in ("before", "after"))
        assert before.text.startswith(b"\x89PNG")
        assert after.text.startswith(b"\x89PNG")
        assert visitor.ask("GET", address, Cookie="").status == 403
        assert visitor.ask("GET", "/running/scan-1%2F..%2Fscans/before.png").status == 404
        running.close()
        assert visitor.ask("GET", address).status == 404
        assert not list(tmp_path.glob("scans.db.running/*.picture"))
        # What has ended is not shown any more.
        assert b"No scan has been seen yet" in visitor.ask("GET", "/?running=scan-1").text
