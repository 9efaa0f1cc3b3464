"""A buffered socket that notices a lost peer."""

import pytest
from helpers.builders import CLOSE
from helpers.connections import stub_connection

from gadgets.errors import PeerLostError
from gadgets.wire import attach


def test_a_pause_beyond_the_time_limit_is_a_lost_peer(monkeypatch):
    connection, other = stub_connection()
    connection.socket.socket.settimeout(0.05)
    transport = attach(connection)
    with pytest.raises(PeerLostError, match=r"nothing came for 0\.05 s, between messages"):
        transport.read(2)
    monkeypatch.setattr("gadgets.wire.transport.STALL_S", 0.06)
    other.sendall(b"\xf0\x03abc")
    transport.read(2)
    with pytest.raises(PeerLostError, match=r"nothing came for 0\.06 s, 337 bytes short of a whole message"):
        transport.read(340)
    other.close()
    with pytest.raises(PeerLostError, match="broke while sending"):
        transport.write(bytes(1 << 22))
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
