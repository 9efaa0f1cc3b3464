"""Over HTTP: nothing without the key, nothing from another page, and what is said changes the next scan."""

from __future__ import annotations

import time

import pytest

from gadgets.findings import ScanFacts
from gadgets.logbook import entry_of
from gadgets.patch_models import read_history

THRESHOLDS = {"threshold": "0.5", "centre_threshold": "0.7", "point_threshold": "0.5", "core_threshold": "0.88"}
PATHS = ("/", "/scans", "/console.js", "/page.css", "/picture/1/0/before.png", "/favicon.ico", "/?key=wrong")


def test_nothing_is_seen_without_the_key(opened):
    with opened() as visitor:
        for path in PATHS:
            answer = visitor.ask("GET", path)
            assert (answer.status, b"key" in answer.text) == (403, True), path


def test_the_key_leaves_the_address_and_opens_everything(opened):
    with opened() as visitor:
        visitor.enter()
        assert [visitor.ask("GET", path).status for path in PATHS] == [200, 200, 200, 200, 404, 204, 200]
        page = visitor.ask("GET", "/")
        assert b"No scan has been seen yet" in page.text
        assert visitor.served.access.key.encode() not in page.text
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy


def test_another_name_for_this_machine_is_refused(opened):
    with opened() as visitor:
        visitor.enter()
        assert visitor.ask("GET", "/", Host="evil.example").status == 403
        form = {"form_key": visitor.served.access.form_key, "by": "anna", **THRESHOLDS}
        assert visitor.ask("POST", "/thresholds", form, Host="evil.example").status == 403
        assert visitor.desk.in_force().changes == ()


@pytest.mark.parametrize(
    ("form_key", "headers"),
    [
        ("", {}), ("wrong", {}), (None, {"Origin": "http://evil.example"}), (None, {"Origin": "null"}),
        (None, {"Cookie": ""}),
    ],
)  # fmt: skip
def test_a_form_of_another_page_changes_nothing(opened, form_key, headers):
    with opened() as visitor:
        visitor.enter()
        key = visitor.served.access.form_key if form_key is None else form_key
        form = {"form_key": key, "by": "anna", **THRESHOLDS}
        assert visitor.ask("POST", "/thresholds", form, **headers).status == 403
        assert visitor.desk.in_force().changes == ()


def test_a_form_that_is_too_large_is_not_read(opened):
    with opened() as visitor:
        visitor.enter()
        for length in ("5000", "99999999999999999999", "-1", "x"):
            assert visitor.ask("POST", "/thresholds", **{"Content-Length": length}).status == 413
        assert visitor.send("/thresholds", **{f"field{number}": "1" for number in range(30)}).status == 403
        assert visitor.send("/elsewhere").status == 400


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/console.py", "/picture/1/0/../x.png", "/picture/x/0/a.png"])
def test_only_what_belongs_to_the_page_is_given(opened, path):
    with opened() as visitor:
        assert visitor.enter().ask("GET", path).status == 404


def test_names_from_scanners_are_text_and_nothing_else(opened):
    with opened() as visitor:
        evil = '<script>alert("x")</script>'
        visitor.desk.logbook.add(entry_of(evil, ScanFacts(protocol=evil, station=evil), [], verdict=evil))
        visitor.enter()
        for path in ("/", "/scans"):
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
        assert visitor.desk.history.read_text() == ""


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
        said = read_history(visitor.desk.history).feedback
        assert [each.was_spark for each in said].count(False) == len(unsure)
        assert {each.architecture for each in said} == {"cnn"}
        assert visitor.ask("GET", "/").text.count(b'aria-pressed="true"') == before.sparks
        after = visitor.look_again()
        assert after.thresholds["point_outer"] > before.thresholds["point_outer"]
        assert after.sparks < before.sparks


def test_of_what_is_said_twice_the_last_counts(opened, sparked):
    with opened(sparked) as visitor:
        ((number, _),) = visitor.enter().wait_for_scans(1)
        visitor.send("/judge", scan=number, spark=0, was_spark="no")
        visitor.send("/judge", scan=number, spark=0, was_spark="yes")
        assert list(visitor.desk.verdicts().values()) == [True]
        assert len(visitor.desk.history.read_text().splitlines()) == 2


@pytest.mark.parametrize("form", [{"scan": "1", "spark": "0"}, {"scan": "", "spark": ""}, {"scan": "x", "spark": "-1"}])
def test_a_spark_that_is_not_there_cannot_be_judged(opened, form):
    with opened() as visitor:
        answer = visitor.enter().send("/judge", was_spark="yes", **form)
        assert answer.status == 400
        assert visitor.desk.history.read_text() == ""


def test_a_file_that_cannot_be_read_is_told_of(opened, tmp_path):
    file = tmp_path / "broken.h5"
    file.write_bytes(b"no raw data")
    with opened(file) as visitor:
        visitor.enter()
        deadline = time.monotonic() + 30
        while visitor.ask("GET", "/scans").headers["X-Status"] != "broken.h5: not an HDF5 file":
            assert time.monotonic() < deadline
            time.sleep(0.05)
