"""A series says the same of every volume: a person is told some of it, and that there is more."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
