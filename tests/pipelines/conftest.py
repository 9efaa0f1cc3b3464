"""What tests of processes share."""

from __future__ import annotations

import pytest

from pipelines.forking import owner


@pytest.fixture
def no_server(monkeypatch):
    """Let this process have no fork server yet: the one that is started has what the test has set."""
    running = []
    monkeypatch.setattr(owner, "_running", running)
    yield running
    while running:
        running.pop().end()
