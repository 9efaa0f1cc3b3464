"""Few places, and nobody keeps one by saying little, slowly or nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler

import pytest
from helpers.connections import wait_until

from pipelines.monitoring import http_server
from pipelines.monitoring.http_server import MOST_AT_ONCE, BoundedHTTPServer

LIMIT_S = 60.0


class Hello(BaseHTTPRequestHandler):
    server: BoundedHTTPServer

    def do_GET(self):
        self.server.is_read(self.connection)
        # An answer may take longer than a request.
        time.sleep(3 * http_server.REQUEST_LIMIT_S if self.path == "/slow" else 0)
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\nhello")

    def log_message(self, *_):
        pass


@pytest.fixture
def address(monkeypatch):
    monkeypatch.setattr(http_server, "REQUEST_LIMIT_S", 0.5)
    with BoundedHTTPServer(("127.0.0.1", 0), Hello) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address
        server.shutdown()
        # Also where all places are taken.
        thread.join(LIMIT_S)
        assert not thread.is_alive()


def said(address, path="/"):
    with urllib.request.urlopen("http://{}:{}{}".format(*address, path), timeout=LIMIT_S) as answer:
        return answer.read()


def drip(client, is_over):
    try:
        while not is_over.wait(0.1):
            client.send(b"x")
    except OSError:
        pass


@pytest.mark.parametrize(
    "beginning", [b"", b"GET / HTTP/1.0\r\n", b"GET /", b"POST / HTTP/1.0\r\nContent-Length: 9\r\n"]
)
def test_all_places_are_free_again_soon(address, beginning):
    clients = [socket.create_connection(address, timeout=LIMIT_S) for _ in range(2 * MOST_AT_ONCE)]
    is_over = threading.Event()
    threads = [threading.Thread(target=drip, args=(client, is_over)) for client in clients[:MOST_AT_ONCE]]
    for client in clients:
        client.sendall(beginning)
    for thread in threads:
        thread.start()
    assert said(address) == b"hello"
    is_over.set()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()


def test_who_says_nothing_makes_room_where_others_wait(address, monkeypatch):
    monkeypatch.setattr(http_server, "REQUEST_LIMIT_S", 100 * LIMIT_S)
    monkeypatch.setattr(http_server, "CROWDED_S", 0.1)
    clients = [socket.create_connection(address, timeout=LIMIT_S) for _ in range(2 * MOST_AT_ONCE)]
    assert said(address) == b"hello"
    for client in clients:
        client.close()


def test_an_answer_may_take_longer_than_a_request(address):
    assert said(address, "/slow") == b"hello"


def test_without_a_thread_a_place_is_not_lost(address, monkeypatch):
    left = [MOST_AT_ONCE + 1]
    start = threading.Thread.start

    def fail_or_start(thread):
        if left[0]:
            left[0] -= 1
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fail_or_start)
    # On a busy machine a thread may take longer to begin than the short limit of the other tests.
    monkeypatch.setattr(http_server, "REQUEST_LIMIT_S", 10 * LIMIT_S)
    for _ in range(MOST_AT_ONCE + 1):
        with pytest.raises(OSError, match=r"reset|without response|closed"):
            said(address)
    assert said(address) == b"hello"


def test_it_ends_while_all_places_are_taken():
    with BoundedHTTPServer(("127.0.0.1", 0), Hello) as server, contextlib.ExitStack() as stack:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for _ in range(MOST_AT_ONCE + 1):
            stack.enter_context(socket.create_connection(server.server_address))
        wait_until(lambda: len(server._awaited) == MOST_AT_ONCE)
        server.shutdown()
        thread.join(LIMIT_S)
        assert not thread.is_alive()
