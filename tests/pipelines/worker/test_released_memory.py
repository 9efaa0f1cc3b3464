"""Memory that scans have released goes back to the system."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

import pipelines.worker.released_memory
from pipelines.worker.released_memory import give_back, share_pools

STATUS = Path("/proc/self/statm")


@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc: memory is read there")
def test_released_memory_is_given_back():
    # Small pieces, with one in use behind them: the C library keeps what stands in front of it.
    pieces = [bytes(1000) for _ in range(100_000)]
    last = bytes(1000)
    held = int(STATUS.read_text().split()[1])
    pieces.clear()
    give_back()
    assert held - int(STATUS.read_text().split()[1]) > 50_000_000 / resource.getpagesize()
    assert len(last) == 1000


def test_another_c_library_is_left_alone(monkeypatch, caplog):
    caplog.set_level("DEBUG", "pipelines.worker.released_memory")
    monkeypatch.setattr(pipelines.worker.released_memory.ctypes, "CDLL", lambda _: object())
    give_back()
    share_pools()
    assert "does not take a limit" in caplog.text
