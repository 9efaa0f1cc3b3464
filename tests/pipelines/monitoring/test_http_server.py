"""Few places, and nobody keeps one by saying little, slowly or nothing."""

from __future__ import annotations

import contextlib
import errno
import socket
import socketserver
import threading
import time
import urllib.request
from http import HTTPStatus

import pytest
from helpers.connections import wait_until

from pipelines.monitoring import http_server
from pipelines.monitoring.http_server import MOST_AT_ONCE, BoundedHTTPServer, RequestHandler, is_own_host

LIMIT_S = 60.0


class Hello(RequestHandler):
    def do_GET(self):  # noqa: N802 - the library's name
        self.server.is_read(self.connection)
        # An answer may take longer than a request.
        time.sleep(3 * http_server.REQUEST_LIMIT_S if self.path == "/slow" else 0)
        self.answer(HTTPStatus.OK, b"hello", "text/plain")

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


@pytest.mark.parametrize("host", ["127.0.0.1:9020", "[::1]:9020", "localhost", "10.0.0.3:80", socket.gethostname()])
def test_this_machine_is_called_by_a_number_or_by_its_name(host):
    assert is_own_host(host)


@pytest.mark.parametrize("host", ["", "evil.example:9020", "127.0.0.1.evil.example", "localhost.evil.example", "[::1"])
def test_another_name_may_stand_for_this_machine_by_rebinding(host):
    assert not is_own_host(host)


def answer_to(address, request):
    with socket.create_connection(address, timeout=LIMIT_S) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answer:
            return answer.read()


NO_REQUESTS = {
    "no version": b"GET /\r\n\r\n",
    "the first version": b"GET / HTTP/0.9\r\n\r\n",
    "one word": b"TOK\r\n\r\n",
    "another protocol": b"GET / TOK/1.1\r\n\r\n",
    "another method": b"TOK / HTTP/1.1\r\n\r\n",
    "a later version": b"GET / HTTP/9.9\r\n\r\n",
    "a long address": b"GET /TOK" + b"x" * 70_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"TOK: \xff\0\r\n" * 200 + b"\r\n",
}


@pytest.mark.parametrize("request_", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_every_answer_has_a_status_and_headers_and_tells_nothing(address, request_):
    """Without headers a browser would guess what it gets, and nothing would tell it not to."""
    answer = answer_to(address, request_)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 ")
    assert b"X-Content-Type-Options: nosniff" in head
    assert b"Server: despark\r\n" in head
    assert b"Python" not in answer
    assert b"TOK" not in answer
    assert b"<" not in body


def test_without_a_descriptor_it_waits_and_does_not_spin(monkeypatch):
    calls = []

    def accept(_server):
        calls.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socketserver.TCPServer, "get_request", accept)
    with BoundedHTTPServer(("127.0.0.1", 0), Hello) as server, socket.create_connection(server.server_address):
        server.begin("test")
        time.sleep(0.5)
        server.end()
    assert 2 <= len(calls) < 20
