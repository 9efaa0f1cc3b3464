"""The looker goes on, whatever is wrong with a file."""

from __future__ import annotations

from helpers.connections import wait_until

from gadgets.logbook import Logbook
from pipelines.console import Desk, Looker


def test_an_unexpected_failure_is_told_and_does_not_end_the_looking(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.console.looker.PAUSE_S", 0.01)
    files = [tmp_path / name for name in ("first.h5", "second.h5")]
    for file in files:
        file.write_bytes(b"x")

    def look(path, _settings, _on_step):
        raise RuntimeError(f"no memory for {path}")

    with Looker(lambda: files, look, Desk(Logbook(tmp_path / "scans.db")), {}) as looker:
        wait_until(lambda: "second.h5: cannot" in looker.status())
        assert "first.h5: cannot be looked at (no memory for first.h5)" in looker.status()
        assert str(tmp_path) not in looker.status()
