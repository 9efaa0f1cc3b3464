"""``/health`` and ``/metrics`` over HTTP, for monitors on the same machine. Plain text, no scan data, reading only."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import TracebackType

from gadgets.errors import PipelineError
from pipelines.monitoring.http_server import REQUEST_LIMIT_S, BoundedHTTPServer
from pipelines.monitoring.metrics import Metrics

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
FRESH_S = 1.0
"""So long an answer about health holds: to find it out takes a place of a scan at every node."""


class Endpoint:
    """Answers monitors in a thread of its own, on this machine only.

    Parameters
    ----------
    port
        0 takes one that is free.
    metrics
        What ``/metrics`` tells.
    fault
        Asked for ``/health``: what is wrong, empty where nothing is.

    Raises
    ------
    PipelineError
        The port cannot be listened on.
    """

    def __init__(self, port: int, metrics: Metrics, fault: Callable[[], str] = lambda: "") -> None:
        try:
            self._server = BoundedHTTPServer((LOOPBACK, port), _handler(metrics, _Health(fault)))
        except (OSError, OverflowError) as error:
            raise PipelineError(f"monitoring: cannot listen on {LOOPBACK}:{port} ({error})") from error
        self.address: tuple[str, int] = (LOOPBACK, self._server.server_port)

    def __enter__(self) -> Endpoint:
        self._server.begin("monitoring")
        logger.info("monitors: http://%s:%d/health and /metrics", *self.address)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.end()


class _Health:
    """Asks for the health once for all who want to know at the same time."""

    def __init__(self, fault: Callable[[], str]) -> None:
        self._fault = fault
        self._lock = threading.Lock()
        # Long ago, so that the first question is asked: a machine that has just started has a clock near 0.
        self._said, self._asked = "", -FRESH_S

    def __call__(self) -> str:
        with self._lock:
            # Asked with the lock held: who comes meanwhile waits for the same answer, and takes no place of a scan.
            if time.monotonic() - self._asked >= FRESH_S:
                self._said, self._asked = self._fault(), time.monotonic()
            return self._said


def _handler(metrics: Metrics, fault: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server: BoundedHTTPServer
        timeout = REQUEST_LIMIT_S

        def do_GET(self) -> None:
            """Answer one question."""
            self.server.is_read(self.connection)
            if self.path == "/metrics":
                self._answer(HTTPStatus.OK, metrics.text(), "text/plain; version=0.0.4; charset=utf-8")
            elif self.path == "/health":
                # Asked anew each time: a monitor wants to know how it is now.
                wrong = fault()
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK, f"{wrong or 'well'}\n")
            else:
                self._answer(HTTPStatus.NOT_FOUND, "expected /health or /metrics\n")

        def _answer(self, status: HTTPStatus, text: str, kind: str = "text/plain; charset=utf-8") -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Log a question of a monitor, which comes every few seconds, for those who want all."""
            logger.debug("monitor: %s", format % args)

    return Handler
