"""What a server counts."""

from __future__ import annotations

import logging

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
