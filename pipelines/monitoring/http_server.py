"""An HTTP server for few who ask little: it has so many places, and nobody keeps one by being slow."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 16
"""Requests; a browser sends six. Others wait in the queue of the socket."""

REQUEST_LIMIT_S = 10.0
"""For a whole request to come: a byte now and then is none. The answer may take as long for each of its parts."""

CROWDED_S = 1.0
"""The same where others wait for a place."""

_LOOK_S = 0.05


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
        self._thread.start()

    def end(self) -> None:
        """End what :meth:`begin` has begun."""
        # First the loop, then its socket: a loop that runs on without one would fail in its thread.
        self.shutdown()
        self._thread.join()
        self.server_close()

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
