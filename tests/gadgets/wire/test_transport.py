"""A buffered socket that notices a lost peer."""

import socket
import threading
import time

import pytest
from helpers.builders import CLOSE
from helpers.connections import stub_connection

from gadgets.errors import PeerLostError
from gadgets.wire import Transport, attach


def test_a_pause_beyond_the_time_limit_is_a_lost_peer():
    connection, other = stub_connection()
    connection.socket.socket.settimeout(0.05)
    transport = attach(connection)
    with pytest.raises(PeerLostError, match=r"nothing came for 0\.05 s, between messages"):
        transport.read(2)
    other.close()
    with pytest.raises(PeerLostError, match="broke while sending"):
        transport.write(bytes(1 << 22))
    transport.close()


def test_a_peer_that_is_too_slow_within_a_message_is_a_lost_one():
    theirs, other = socket.socketpair()
    transport = Transport(theirs, stall_s=0.2)
    other.sendall(b"\xf0\x03abc")
    transport.read(2)
    # A byte now and then, each well within the limit.
    pulse = threading.Thread(target=lambda: [other.send(b"d") or time.sleep(0.05) for _ in range(8)])
    pulse.start()
    with pytest.raises(PeerLostError, match=r"too little came in 0\.2 s, 3\d\d bytes short of a whole message"):
        transport.read(340)
    pulse.join()
    other.close()
    transport.close()


def test_a_peer_that_takes_nothing_is_lost_for_good():
    theirs, other = socket.socketpair()
    theirs.settimeout(60.0)
    transport = Transport(theirs, stall_s=0.02)
    with pytest.raises(PeerLostError, match=r"too little of what was sent was taken, in 0\.1 s") as first:
        transport.write(bytes(1 << 24))
    taken = len(other.recv(1 << 25))
    # There is room again, but a part of something else is on its way.
    transport.write(b"abc")
    with pytest.raises(PeerLostError) as second:
        transport.flush()
    assert second.value is first.value
    transport.close()
    while piece := other.recv(1 << 25):
        taken += len(piece)
    assert 0 < taken < 1 << 24
    other.close()


def test_a_peer_that_keeps_taking_may_be_slow():
    theirs, other = socket.socketpair()
    theirs.settimeout(60.0)
    transport = Transport(theirs, stall_s=60.0)
    received = []
    reader = threading.Thread(target=lambda: [received.append(other.recv(1 << 16)) for _ in range(1 << 7)])
    reader.start()
    transport.write(bytes(1 << 20))
    transport.close()
    reader.join()
    assert sum(map(len, received)) == (1 << 20) + len(CLOSE)
    other.close()


def test_what_a_node_does_between_two_messages_is_not_its_peers_time():
    theirs, other = socket.socketpair()
    transport = Transport(theirs, stall_s=0.1)
    other.sendall(b"\xf0\x03abc\xf0")
    assert (transport.read(2), transport.read(3)) == (b"\xf0\x03", b"abc")
    time.sleep(0.2)
    other.sendall(b"\x03def")
    assert (transport.read(2), transport.read(3)) == (b"\xf0\x03", b"def")
    other.close()
    transport.close()


def test_small_writes_go_out_before_a_read_waits():
    connection, other = stub_connection()
    transport = attach(connection)
    transport.write(b"abc")
    other.sendall(b"xyz")
    assert transport.read(3) == b"xyz"
    assert other.recv(10) == b"abc"
    transport.close()
    assert other.recv(10) == CLOSE
    other.close()
