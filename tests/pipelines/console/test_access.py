"""Who may see the console, and who may change something."""

from __future__ import annotations

import time

import pytest

from pipelines.console.access import Access


def test_keys_are_new_with_each_start():
    first, second = Access(1), Access(1)
    assert len({first.key, first.form_key, second.key, second.form_key}) == 4
    assert not second.may_see(first.cookie())


@pytest.mark.parametrize("cookies", ["", "despark_console_1=", "despark_console_2={key}", "x={key}", "a=b; ;;=", "é=é"])
def test_without_its_cookie_nothing_is_seen(cookies):
    access = Access(1)
    assert not access.may_see(cookies.format(key=access.key))


@pytest.mark.parametrize("piece", ["\\", '\\"', "\\101", "a=", ";", " ", '"'])
def test_who_has_no_key_costs_no_time(piece):
    """For some of these the library of Python needs a minute, and its time grows with the square of the length."""
    started = time.monotonic()
    assert not Access(1).may_see('despark_console_1="' + piece * (65_000 // len(piece)) + '"')
    assert time.monotonic() - started < 1


def test_the_cookie_goes_with_no_request_of_another_page():
    access = Access(1)
    assert access.may_see(f"other=1; {access.cookie().partition(';')[0]}")
    assert {"HttpOnly", "SameSite=Strict"} <= set(access.cookie().split("; "))


@pytest.mark.parametrize(
    ("origin", "may"),
    [("", True), ("http://127.0.0.1:1", True), ("http://evil.example", False), ("null", False)],
)
def test_a_form_comes_from_the_own_page(origin, may):
    access = Access(1)
    assert access.may_change(access.form_key, origin, "127.0.0.1:1") is may
    assert not access.may_change("", origin, "127.0.0.1:1")
    assert not access.may_change("é", origin, "127.0.0.1:1")
