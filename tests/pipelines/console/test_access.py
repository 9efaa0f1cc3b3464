"""Who may see the console, and who may change something."""

from __future__ import annotations

import socket

import pytest

from pipelines.console.access import Access, is_own_host


@pytest.mark.parametrize("host", ["127.0.0.1:9020", "[::1]:9020", "localhost", "10.0.0.3:80", socket.gethostname()])
def test_this_machine_is_called_by_a_number_or_by_its_name(host):
    assert is_own_host(host)


@pytest.mark.parametrize("host", ["", "evil.example:9020", "127.0.0.1.evil.example", "localhost.evil.example", "[::1"])
def test_another_name_may_stand_for_this_machine_by_rebinding(host):
    assert not is_own_host(host)


def test_keys_are_new_with_each_start():
    first, second = Access(1), Access(1)
    assert len({first.key, first.form_key, second.key, second.form_key}) == 4
    assert not second.may_see(first.cookie())


@pytest.mark.parametrize("cookies", ["", "despark_console_1=", "despark_console_2={key}", "x={key}", "a=b; ;;=", "é=é"])
def test_without_its_cookie_nothing_is_seen(cookies):
    access = Access(1)
    assert not access.may_see(cookies.format(key=access.key))


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
