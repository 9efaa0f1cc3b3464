"""What tests of processes, and of scans with known sparks, share."""

from __future__ import annotations

import os

import pytest
from helpers.paths import PROBES

from pipelines.forking import owner
from pipelines.phantom import SparkPlan, simulate_file


@pytest.fixture
def probes(monkeypatch):
    """Let node processes import the probe gadgets."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(PROBES), os.environ.get("PYTHONPATH", "")])))


@pytest.fixture
def no_server(monkeypatch):
    """Let this process have no fork server yet: the one that is started has what the test has set."""
    running = []
    monkeypatch.setattr(owner, "_running", running)
    yield running
    while running:
        running.pop().end()


@pytest.fixture
def sparked(tmp_path, phantom_file):
    """Give the phantom with sparks; what was put in lies beside it."""
    plan = SparkPlan(seed=4, rnr_min=1, rnr_max=4, events=6, centre_share=0.3)
    simulate_file(phantom_file, tmp_path / "sparked.h5", tmp_path / "truth.json", plan)
    return tmp_path / "sparked.h5"


@pytest.fixture
def truth(sparked):
    """Give the list of what was put in."""
    return sparked.with_name("truth.json")
