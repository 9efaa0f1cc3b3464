"""What a server counts."""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing

from helpers.connections import LIMIT_S

from gadgets.logbook import Logbook
from pipelines.monitoring.metrics import Metrics


def samples(metrics):
    return dict(line.split() for line in metrics.text().splitlines() if not line.startswith("#"))


def test_a_health_check_is_no_scan():
    metrics = Metrics()
    with metrics.scan() as served:
        assert samples(metrics)["despark_scans_running"] == "1"
        served.is_scan = False
    with metrics.scan():
        pass
    found = samples(metrics)
    assert (found["despark_scans_total"], found["despark_scans_running"]) == ("1", "0")


def test_what_is_logged_is_counted():
    metrics, logger = Metrics(), logging.getLogger("node")
    logger.addHandler(metrics)
    logger.setLevel(logging.INFO)
    logger.info("begins")
    logger.warning("odd")
    logger.error("lost")
    logger.critical("lost")
    found = samples(metrics)
    assert (found["despark_errors_total"], found["despark_warnings_total"]) == ("2", "1")


def test_sparks_are_counted_from_the_record_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("DESPARK_RECORD", str(tmp_path / "scans.db"))
    metrics = Metrics()
    assert samples(metrics)["despark_recorded_sparks_total"] == "0"
    with closing(sqlite3.connect(tmp_path / "scans.db")) as connection, connection:
        Logbook(tmp_path / "scans.db").prepare()
        row = "INSERT INTO scans (ended, protocol, station, source, sparks, entry) VALUES (?, '', '', '', ?, '')"
        connection.executemany(row, [("2000-01-01T00:00:00+00:00", 100), ("2999-01-01T00:00:00+00:00", 7)])
    found = samples(metrics)
    assert (found["despark_recorded_scans_total"], found["despark_recorded_sparks_total"]) == ("1", "7")


def test_a_record_that_cannot_be_read_costs_no_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("DESPARK_RECORD", str(tmp_path / "scans.db"))
    (tmp_path / "scans.db").write_bytes(b"no data base" * 100)
    assert samples(Metrics())["despark_recorded_sparks_total"] == "0"


def test_a_record_that_takes_long_keeps_no_scan_waiting(monkeypatch):
    metrics, asked, answer = Metrics(), threading.Event(), threading.Event()

    def slow():
        asked.set()
        assert answer.wait(LIMIT_S)
        return {}

    monkeypatch.setattr(metrics, "_recorded", slow)
    asking = threading.Thread(target=metrics.text)
    asking.start()
    assert asked.wait(LIMIT_S)
    # Both would wait for ever, were the numbers locked meanwhile.
    with metrics.scan():
        metrics.emit(logging.makeLogRecord({"levelno": logging.ERROR}))
    answer.set()
    asking.join(LIMIT_S)
    assert samples(Metrics())["despark_scans_total"] == "0"
