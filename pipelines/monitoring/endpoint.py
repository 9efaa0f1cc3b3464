"""``/health`` and ``/metrics`` over HTTP, for monitors on the same machine. Plain text, no scan data, reading only."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType

from gadgets.errors import PipelineError
from pipelines.monitoring.http_server import BoundedHTTPServer, RequestHandler, is_own_host
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


def _handler(metrics: Metrics, fault: Callable[[], str]) -> type[RequestHandler]:
    class Handler(RequestHandler):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            """Answer one question."""
            self.server.is_read(self.connection)
            if not is_own_host(self.headers.get("Host", LOOPBACK)):
                self.say(HTTPStatus.FORBIDDEN, "This machine is not called so.")
            elif self.path == "/metrics":
                self.answer(HTTPStatus.OK, metrics.text().encode(), "text/plain; version=0.0.4; charset=utf-8")
            elif self.path == "/health":
                # Asked anew each time: a monitor wants to know how it is now.
                wrong = fault()
                self.say(HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK, wrong or "well")
            else:
                self.say(HTTPStatus.NOT_FOUND, "expected /health or /metrics")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Log a question of a monitor, which comes every few seconds, for those who want all."""
            logger.debug("monitor: %s", format % args)

    return Handler
