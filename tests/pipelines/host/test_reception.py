"""The door of a server stays open, whatever happens to those who come in."""

from __future__ import annotations

import errno
import os
import socket
import threading
from pathlib import Path

import pytest
from helpers.connections import wait_until
from helpers.raw_scans import LIMIT_S

from gadgets.errors import PipelineError
from pipelines.host import reception as door
from pipelines.host import refused as refused_clients
from pipelines.host.limits import DESCRIPTORS
from pipelines.host.reception import Reception


def echo(_name, connection, _origin):
    connection.sendall(connection.recv(100))


@pytest.fixture
def open_door():
    opened = []

    def start(serve=echo, n_connections=8, make_room=lambda: False):
        reception = Reception({"door": 0}, "127.0.0.1", serve, str.encode, n_connections, make_room)
        opened.append(reception)
        reception.start()
        return reception.addresses["door"]

    yield start
    for reception in opened:
        reception.close()
        assert reception.join(LIMIT_S)


def said(address, content=b"hello"):
    """What comes back."""
    with socket.create_connection(address, timeout=LIMIT_S) as connection:
        connection.sendall(content)
        received = b""
        while piece := connection.recv(1000):
            received += piece
    return received.decode()


def fails(error, times):
    """Give a function that fails some times, and then does what another does."""
    left = [times]

    def once(original):
        def call(*arguments, **options):
            if left[0]:
                left[0] -= 1
                raise error
            return original(*arguments, **options)

        return call

    return once


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM, errno.ECONNABORTED, errno.EAGAIN])
def test_a_connection_that_cannot_be_accepted_is_not_the_last(open_door, monkeypatch, number):
    error = OSError(number, os.strerror(number))
    monkeypatch.setattr(socket.socket, "accept", fails(error, 2)(socket.socket.accept))
    assert said(open_door()) == "hello"


def test_what_goes_on_going_wrong_does_not_fill_the_log(open_door, monkeypatch, caplog):
    monkeypatch.setattr(door, "_PAUSE_S", 0.001)
    monkeypatch.setattr(socket.socket, "accept", fails(OSError(errno.EMFILE, "none left"), 50)(socket.socket.accept))
    assert said(open_door()) == "hello"
    assert caplog.text.count("could not be accepted") == 1


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_one_without_a_thread_is_told_so_and_the_next_is_served(open_door, monkeypatch, error):
    address = open_door()
    monkeypatch.setattr(threading.Thread, "start", fails(error, 1)(threading.Thread.start))
    assert "no thread can be started for another connection" in said(address)
    assert said(address) == "hello"


def test_what_nobody_thought_of_does_not_close_the_door(open_door, monkeypatch):
    monkeypatch.setattr(Reception, "_accept", fails(ValueError("surprise"), 3)(Reception._accept))
    assert said(open_door()) == "hello"


def test_more_than_there_is_room_for_are_refused_with_the_reason(open_door, caplog):
    release = threading.Event()

    def hold(_name, connection, _origin):
        connection.sendall(b"in")
        release.wait(LIMIT_S)

    address = open_door(hold, n_connections=2)
    with socket.create_connection(address) as first, socket.create_connection(address) as second:
        assert (first.recv(2), second.recv(2)) == (b"in", b"in")
        for _ in range(20):
            assert said(address) == "2 connections are open, no more are taken (--connections)"
        # Whoever comes again and again does not fill the log.
        assert caplog.text.count("is refused") == 1
        release.set()
        assert (first.recv(1), second.recv(1)) == (b"", b"")
    assert said(address, b"") == "in"
    # Said after the client has its answer.
    wait_until(lambda: "20 were refused" in caplog.text)


@pytest.mark.parametrize("n_left", [1, 7])
def test_connections_leave_descriptors_for_scans(open_door, monkeypatch, n_left):
    limit = len([*Path("/proc/self/fd").iterdir()]) + n_left
    monkeypatch.setattr("resource.getrlimit", lambda _: (limit, limit))
    release, n_most = threading.Event(), max(n_left // DESCRIPTORS, 1)
    address = open_door(lambda *_: release.wait(LIMIT_S))
    there = [socket.create_connection(address, LIMIT_S) for _ in range(n_most)]
    assert said(address) == f"{n_most} connections are open, no more are taken (ulimit -n)"
    release.set()
    for each in there:
        assert each.recv(1) == b""
        each.close()


def test_room_is_made_where_somebody_holds_a_place_for_nothing(open_door):
    held = []

    def hold_or_echo(_name, connection, _origin):
        if not held:
            held.append(connection)
            connection.recv(1)
        else:
            echo(_name, connection, _origin)

    def break_off():
        held[0].shutdown(socket.SHUT_RDWR)
        return True

    address = open_door(hold_or_echo, n_connections=1, make_room=break_off)
    with socket.create_connection(address, timeout=LIMIT_S) as silent:
        wait_until(lambda: held)
        assert said(address) == "hello"
        assert silent.recv(1) == b""


def test_those_who_are_refused_and_stay_are_let_go(open_door, monkeypatch):
    monkeypatch.setattr(refused_clients, "_READS_S", 0.2)
    release = threading.Event()
    address = open_door(lambda *_: release.wait(LIMIT_S), n_connections=1)
    with socket.create_connection(address), socket.create_connection(address, timeout=LIMIT_S) as refused:
        while refused.recv(1000):
            pass
        with pytest.raises(ConnectionError):
            go_on_sending(refused)
        release.set()


def go_on_sending(connection):
    for _ in range(100):
        connection.sendall(b"still here")
        threading.Event().wait(0.05)


def test_a_failure_ends_one_connection(open_door, caplog):
    def break_(*_):
        raise ValueError("broken")

    address = open_door(break_)
    assert (said(address, b""), said(address, b"")) == ("", "")
    assert "door: unexpected failure" in caplog.text


def test_two_servers_on_one_port_are_one_too_many(open_door):
    address = open_door()
    with pytest.raises(PipelineError, match=f"cannot listen on 127.0.0.1:{address[1]}"):
        Reception({"other": 0, "door": address[1]}, "127.0.0.1", echo, str.encode)
