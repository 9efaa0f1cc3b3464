"""An HTTP server for few who ask little: it has so many places, and nobody keeps one by being slow."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import sys
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import urlsplit

from gadgets.errors import PipelineError
from pipelines.threads import start_thread

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 16
"""Requests; a browser sends six. Others wait in the queue of the socket."""

REQUEST_LIMIT_S = 10.0
"""For a whole request to come: a byte now and then is none. The answer may take as long for each of its parts."""

CROWDED_S = 1.0
"""The same where others wait for a place."""

_LOOK_S = 0.05

NOTHING: Mapping[str, str] = MappingProxyType({})


class BoundedHTTPServer(ThreadingHTTPServer):
    """Serves each request in a thread, with a bound on their number and on how long one takes to come.

    Parameters
    ----------
    address
        To listen on.
    handler
        Tells :meth:`is_read` once it has read its request.
    """

    daemon_threads = True
    # By default five: others would have to try again after a second, and then after some.
    request_queue_size = 64
    # By default it waits for threads that wait for somebody silent.
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._lock = threading.Lock()
        self._awaited: dict[socket.socket, float] = {}
        self._is_over = False
        super().__init__(address, handler)

    def begin(self, name: str) -> None:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self.serve_forever, name=name, daemon=True)
        try:
            start_thread(self._thread)
        except PipelineError:
            self.server_close()
            raise

    def end(self) -> None:
        """End what :meth:`begin` has begun."""
        # First the loop, then its socket: a loop that runs on without one would fail in its thread.
        self.shutdown()
        self._thread.join()
        self.server_close()

    def get_request(self) -> tuple[Any, Any]:
        """Accept a request; where no descriptor is left for it, not at once again."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(_LOOK_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's
        """Take a request up when one of the places is free."""
        while not self._places.acquire(timeout=_LOOK_S):
            self._break_off(CROWDED_S)
            if self._is_over:
                self.shutdown_request(request)
                return
        with self._lock:
            self._awaited[request] = time.monotonic()
        try:
            super().process_request(request, client_address)
        # No thread for it, for example; the place is for the next one.
        except BaseException:
            self._leave(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's
        """Answer a request, and free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._leave(request)

    def is_read(self, request: socket.socket) -> None:
        """Note that a request has come whole: how long the answer takes is not its sender's fault."""
        with self._lock:
            self._awaited.pop(request, None)

    def service_actions(self) -> None:
        """Break off requests that do not come to their end; called again and again."""
        self._break_off(REQUEST_LIMIT_S)

    def _break_off(self, limit_s: float) -> None:
        now = time.monotonic()
        with self._lock:
            late = [request for request, begun in self._awaited.items() if now - begun > limit_s]
            for request in late:
                del self._awaited[request]
        for request in late:
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def shutdown(self) -> None:
        """End :meth:`serve_forever`, also where it waits for a place."""
        self._is_over = True
        super().shutdown()

    def handle_error(self, _request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's
        """Log what went wrong with one request; as a rule its sender went away."""
        error = sys.exc_info()[1]
        level = logging.DEBUG if isinstance(error, OSError) else logging.ERROR
        logger.log(level, "the request of %s was not answered", client_address, exc_info=error)

    def _leave(self, request: socket.socket) -> None:
        self.is_read(request)
        self._places.release()


class RequestHandler(BaseHTTPRequestHandler):
    """Answers requests, always with a status and with headers, and says nothing of what it runs on or was sent.

    Attributes
    ----------
    own_headers
        Of every answer.
    """

    server: BoundedHTTPServer
    timeout = REQUEST_LIMIT_S
    own_headers: ClassVar[Mapping[str, str]] = {
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }

    def answer(self, status: HTTPStatus, content: bytes, kind: str, more: Mapping[str, str] = NOTHING) -> None:
        """Send an answer."""
        # To HTTP/0.9, which it takes what is no request for, the library would send no headers.
        self.request_version = "HTTP/1.0"
        self.send_response(status)
        headers = {**self.own_headers, **more, "Content-Type": kind, "Content-Length": str(len(content))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def say(self, status: HTTPStatus, text: str) -> None:
        """Send a sentence."""
        self.answer(status, f"{text}\n".encode(), "text/plain; charset=utf-8")

    def send_error(self, code: int, _message: str | None = None, _explain: str | None = None) -> None:
        """Refuse what is no request; the library would repeat it to its sender."""
        self.say(HTTPStatus(code), HTTPStatus(code).phrase)

    def version_string(self) -> str:
        """Say no more than the program's name to who asks."""
        return "despark"


def is_own_host(host: str) -> bool:
    """Whether the ``Host`` of a request is this machine, by number or by its own name.

    A page elsewhere can make its name stand for this machine's address (DNS rebinding), and no number.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in ("localhost", socket.gethostname().lower())
    return True
