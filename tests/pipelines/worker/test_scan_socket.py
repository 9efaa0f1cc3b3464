"""The worker's side of a connection: the opening, read ahead and read again."""

from __future__ import annotations

import socket
import threading

import pytest
from helpers.raw_scans import LIMIT_S

from gadgets.errors import PeerLostError, WireError
from pipelines.messages.messages import CLOSE, MessageID, text_message
from pipelines.worker.scan_socket import ScanSocket

CONFIG = bytes(text_message(MessageID.CONFIG, "<configuration/>").data)
HEADER = bytes(text_message(MessageID.HEADER, "<ismrmrdHeader/>").data)


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, ScanSocket(theirs) as connected:
        yield ours, connected


def test_the_opening_is_read_and_not_a_byte_more(pair):
    ours, connected = pair
    ours.sendall(CONFIG + HEADER + bytes(CLOSE.data))
    assert connected.read_opening(LIMIT_S) == (b"<configuration/>", b"<ismrmrdHeader/>")
    assert connected.recv(10) == bytes(CLOSE.data)
    assert connected.gettimeout() is None


def test_what_was_read_ahead_comes_first(pair):
    ours, connected = pair
    ours.sendall(b"late")
    connected.read_ahead(b"early")
    assert [connected.recv(3), connected.recv(10, socket.MSG_WAITALL), connected.recv(10)] == [b"ear", b"ly", b"late"]


def test_received_bytes_are_counted(pair):
    ours, connected = pair
    ours.sendall(b"12345")
    buffer = bytearray(8)
    assert connected.recv_into(memoryview(buffer)) == connected.n_received == 5


def test_who_is_to_read_no_more_gets_what_came_then_the_reason_and_may_still_answer(pair):
    ours, connected = pair
    ours.sendall(b"12345")
    connected.stop_reading("enough")
    buffer = memoryview(bytearray(8))
    assert connected.recv_into(buffer) == 5
    with pytest.raises(PeerLostError, match="enough"):
        connected.recv_into(buffer)
    connected.sendall(b"answer")
    assert ours.recv(10) == b"answer"


def test_who_waits_for_a_peer_is_told_to_read_no_more(pair):
    told = []

    def read():
        try:
            pair[1].recv_into(memoryview(bytearray(8)))
        except PeerLostError as error:
            told.append(str(error))

    thread = threading.Thread(target=read)
    thread.start()
    pair[1].stop_reading("enough")
    thread.join(LIMIT_S)
    assert told == ["enough"]


def test_a_peer_that_sends_without_a_pause_does_not_keep_it_reading(pair, monkeypatch):
    monkeypatch.setattr("pipelines.worker.scan_socket._LAST_S", -1.0)
    pair[0].sendall(b"12345")
    pair[1].stop_reading("enough")
    with pytest.raises(PeerLostError, match="enough"):
        pair[1].recv_into(memoryview(bytearray(8)))


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        (b"", PeerLostError, "ended in its opening, 2 bytes short"),
        (CONFIG[:9], PeerLostError, "ended in its opening"),
        (CONFIG, PeerLostError, "ended in its opening"),
        (HEADER, WireError, r"expected a CONFIG message \(id 2\), found message id 3"),
        (CONFIG + CONFIG, WireError, r"expected a HEADER message \(id 3\), found message id 2"),
        (CONFIG[:2] + b"\xff" * 4, WireError, "expected a CONFIG of at most"),
        (b"GET / HTTP/1.1\r\n\r\n", WireError, "found message id 17735"),
    ],
)
def test_another_opening_is_refused(pair, content, error, reason):
    ours, connected = pair
    ours.sendall(content)
    ours.shutdown(socket.SHUT_WR)
    with pytest.raises(error, match=reason):
        connected.read_opening(LIMIT_S)


@pytest.mark.parametrize("interval_s", [None, 0.02], ids=["nothing", "a byte now and then"])
def test_a_peer_that_says_too_little_is_not_waited_for(pair, interval_s):
    ours, connected = pair
    stop = threading.Event()

    def trickle():
        for byte in CONFIG:
            if stop.wait(interval_s):
                return
            ours.sendall(bytes([byte]))

    thread = threading.Thread(target=trickle)
    if interval_s is not None:
        thread.start()
    with pytest.raises(PeerLostError, match="broke in its opening: timed out"):
        connected.read_opening(0.2)
    stop.set()
    if interval_s is not None:
        thread.join()
