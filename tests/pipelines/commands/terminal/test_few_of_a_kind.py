"""A series says the same of every volume: a person is told some of it, and that there is more."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from gadgets.logbook import ScanName, in_scan
from pipelines.commands.terminal.logs import MOST_IN_A_SCAN, MOST_KINDS, FewInAScan

WARN = """
import logging
from pipelines.commands.terminal.shell import open_shell
open_shell({verbose}, False)
for number in range(50):
    logging.getLogger("gadgets.x").warning("slice %d hides 2 samples", number)
logging.getLogger("gadgets.x").warning("the disk is full")
logging.getLogger("gadgets.x").error("slice 60 hides 2 samples")
"""


@pytest.mark.parametrize(("verbose", "expected"), [(0, 5), (1, 52)])
def test_fifty_warnings_of_a_kind_are_three(verbose, expected):
    run = subprocess.run(
        [sys.executable, "-c", WARN.format(verbose=verbose)], capture_output=True, text=True, check=True
    )
    lines = run.stderr.splitlines()
    assert len(lines) == expected
    assert lines[-2:] == ["despark: warning: the disk is full", "despark: error: slice 60 hides 2 samples"]
    assert (lines[2] == "despark: warning: slice 2 hides 2 samples [more of this kind: -v]") is (verbose == 0)


def lines(few, text, n_lines):
    """Log a text so often, and give what comes through."""
    records = [logging.makeLogRecord({"msg": text, "args": (number,)}) for number in range(n_lines)]
    return [record.getMessage() for record in records if few.filter(record)]


def test_a_scan_fills_no_log_with_lines_of_a_kind():
    few = FewInAScan()
    for _ in range(2):
        with in_scan(ScanName.new("somewhere")):
            said = lines(few, "damaged record %d", 5 * MOST_IN_A_SCAN)
            assert len(said) == MOST_IN_A_SCAN
            assert said[-1] == (
                f"damaged record {MOST_IN_A_SCAN - 1} [more lines of this kind are left out in this scan]"
            )
            assert lines(few, "over after %d s", 1) == ["over after 0 s"]


def test_nor_with_lines_of_ever_new_kinds():
    few, n_lines = FewInAScan(), 10 * MOST_IN_A_SCAN + MOST_KINDS
    with in_scan(ScanName.new("somewhere")):
        said = [line for number in range(n_lines) for line in lines(few, f"{'x' * number}: %d", 1)]
    assert len(said) < 10 * MOST_IN_A_SCAN


def test_what_belongs_to_no_scan_is_always_said():
    assert len(lines(FewInAScan(), "listening on %d", 5 * MOST_IN_A_SCAN)) == 5 * MOST_IN_A_SCAN
