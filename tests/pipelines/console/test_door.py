"""Who may see the page, and what a form may change: nobody and nothing without the key."""

from __future__ import annotations

import pytest
from helpers.clients.forms import THRESHOLDS

PATHS = ("/", "/lists", "/console.js", "/page.css", "/picture/1/0/before.png", "/favicon.ico", "/?key=wrong")


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
