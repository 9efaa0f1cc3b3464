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
