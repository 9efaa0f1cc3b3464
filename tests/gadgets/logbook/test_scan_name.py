"""The name of a scan: one for all that is kept of it."""

from __future__ import annotations

import itertools
import json
import threading
from contextvars import copy_context

import pytest

from gadgets.indices import Indices
from gadgets.logbook import Report, ScanName, in_scan, note_scan, of_this_scan, this_scan
from gadgets.records import Assembly


def test_outside_of_a_scan_there_is_no_name():
    assert this_scan({}) == ScanName("", "")


def test_every_scan_has_its_own():
    with in_scan() as first:
        pass
    with in_scan() as second:
        assert this_scan() == second
        assert first != second
        with in_scan() as same:
            assert same == second
    assert this_scan({}) == ScanName()


def test_servers_that_share_process_number_and_time_share_no_name(monkeypatch):
    # As those of two containers do, and one that is started anew after its clock was set back.
    monkeypatch.setattr("gadgets.logbook.scan_name._numbers", itertools.repeat(0))
    monkeypatch.setattr("time.strftime", lambda _: "20261101-101010")
    assert len({ScanName.new().scan for _ in range(20)}) == 20


def test_a_host_tells_its_nodes_by_the_environment():
    name = ScanName.new("10.0.0.3:4242")
    assert this_scan(name.variables()) == name
    assert ScanName().variables() == {}


def test_threads_do_not_share_it():
    seen = []
    with in_scan():
        thread = threading.Thread(target=lambda: seen.append(this_scan({})))
        thread.start()
        thread.join()
    assert seen == [ScanName()]


def test_the_lines_of_a_report_carry_it(tmp_path):
    with in_scan(ScanName("scan-7", "10.0.0.3:4242")):
        Report(tmp_path / "r.jsonl", "acquisition_buffer", protocol='t1 "space"').add(
            Assembly(indices=Indices(), readouts=3)
        )
    line = json.loads((tmp_path / "r.jsonl").read_text())
    assert (line["scan"], line["client"], line["protocol"]) == ("scan-7", "10.0.0.3:4242", 't1 "space"')


def test_what_becomes_known_is_known_to_all_threads_of_the_scan():
    with in_scan(ScanName("scan-7", "10.0.0.3:4242")):
        note_scan(protocol="gre")
        thread = threading.Thread(target=copy_context().run, args=(note_scan,), kwargs={"models": ["one 12", "one 12"]})
        thread.start()
        thread.join()
        with in_scan():
            note_scan(ScanName("scan-8"))
        assert of_this_scan() == {"scan": "scan-8", "client": "", "protocol": "gre", "models": ["one 12"]}
    note_scan(protocol="gre")
    assert of_this_scan() == {}


@pytest.mark.parametrize(
    "name", ["", "scan-", "scan-../../x", "scan-1/2", "scan-1 2", "scan-é", f"scan-{'1' * 76}", "1"]
)
def test_a_name_that_is_told_leads_nowhere_else(name):
    assert ScanName.told(name, "somebody") is None


def test_a_name_that_is_told_is_taken():
    own = ScanName.new()
    told = ScanName.told(own.scan, "10.0.0.3\n" + "x" * 200)
    assert told.scan == own.scan
    assert (told.client[:8], len(told.client), "\n" in told.client) == ("10.0.0.3", 80, False)
