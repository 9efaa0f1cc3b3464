"""What a monitor is told over HTTP."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request

import pytest

from gadgets.errors import PipelineError
from pipelines.monitoring import endpoint as endpoint_module
from pipelines.monitoring.endpoint import Endpoint
from pipelines.monitoring.metrics import Metrics


def asked(endpoint, path, method="GET"):
    request = urllib.request.Request("http://{}:{}{}".format(*endpoint.address, path), method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode(), answer.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers["Content-Type"]


def test_prometheus_reads_the_numbers():
    metrics = Metrics()
    with metrics.scan(), Endpoint(0, metrics) as endpoint:
        status, text, kind = asked(endpoint, "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "despark_scans_running 1\n" in text
    # Every sample has its two lines of comment before it, as the format wants.
    assert re.fullmatch(r"(# HELP \S+ .+\n# TYPE \S+ (counter|gauge)\n\S+ \S+\n)+", text)


def test_health_says_what_is_wrong(monkeypatch):
    monkeypatch.setattr(endpoint_module, "FRESH_S", 0.0)
    faults = [""]
    with Endpoint(0, Metrics(), lambda: faults[-1]) as endpoint:
        assert asked(endpoint, "/health")[:2] == (200, "well\n")
        faults.append("no models")
        assert asked(endpoint, "/health")[:2] == (503, "no models\n")


@pytest.mark.parametrize(("path", "method", "status"), [("/", "GET", 404), ("/metrics", "POST", 501)])
def test_nothing_else_is_answered(path, method, status):
    with Endpoint(0, Metrics()) as endpoint:
        assert asked(endpoint, path, method)[0] == status


def test_only_this_machine_is_answered_and_a_taken_port_is_named():
    with Endpoint(0, Metrics()) as endpoint:
        assert endpoint.address[0] == "127.0.0.1"
        with pytest.raises(PipelineError, match=rf"monitoring: cannot listen on 127\.0\.0\.1:{endpoint.address[1]}"):
            Endpoint(endpoint.address[1], Metrics())


def test_who_connects_and_says_nothing_stops_nobody():
    with Endpoint(0, Metrics()) as endpoint, socket.create_connection(endpoint.address):
        assert asked(endpoint, "/health")[0] == 200


def test_many_who_ask_at_once_get_one_answer(monkeypatch):
    calls = []

    def fault():
        calls.append(1)
        return "tired"

    monkeypatch.setattr(endpoint_module, "FRESH_S", 1000.0)
    with Endpoint(0, Metrics(), fault) as endpoint:
        assert {asked(endpoint, "/health")[1] for _ in range(5)} == {"tired\n"}
    assert len(calls) == 1


@pytest.mark.parametrize("path", ["/metrics", "/health"])
def test_a_page_elsewhere_that_names_itself_this_machine_reads_nothing(path):
    """A browser on this machine would ask for it, with the name of the page (DNS rebinding)."""
    with Endpoint(0, Metrics(), lambda: pytest.fail("asked")) as endpoint:
        request = urllib.request.Request("http://{}:{}{}".format(*endpoint.address, path))
        request.add_header("Host", "evil.example")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
    with refused.value as answer:
        assert (answer.code, answer.read()) == (403, b"This machine is not called so.\n")


def test_a_monitor_need_not_say_whom_it_asks():
    with Endpoint(0, Metrics()) as endpoint, socket.create_connection(endpoint.address) as client:
        client.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert client.makefile("rb").read().endswith(b"well\n")
