"""Clients that do what no client should: they vanish, stall, send junk or read slowly in the middle of a scan."""

from __future__ import annotations

import contextlib
import socket
import struct
import time

from helpers.raw_scans import LIMIT_S

from pipelines.messages import CLOSE, MessageID, MessageReader

# Each is given where to connect and the bytes of a whole scan, its CLOSE included.


def vanish(address, scan):
    with socket.create_connection(address, LIMIT_S) as client:
        client.sendall(_open(scan)[:-100])


def reset(address, scan):
    with socket.create_connection(address, LIMIT_S) as client:
        client.sendall(_open(scan))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stall_in_a_message(address, scan):
    with socket.create_connection(address, LIMIT_S) as client:
        client.sendall(_open(scan) + b"\xf0\x03half")
        _read_to_the_end(client)


def stop_sending(address, scan):
    with socket.create_connection(address, LIMIT_S) as client:
        client.sendall(_open(scan))
        client.shutdown(socket.SHUT_WR)
        _read_to_the_end(client)


def send_junk(address, scan):
    junk = bytes(range(256)) * 16
    with socket.create_connection(address, LIMIT_S) as client, contextlib.suppress(OSError):
        client.sendall(_open(scan) + junk)
        client.shutdown(socket.SHUT_WR)
        _read_to_the_end(client)


def read_slowly(address, scan):
    with socket.create_connection(address, LIMIT_S) as client:
        client.sendall(scan)
        assert until_close(client, pause_s=0.02)[-1].id is MessageID.CLOSE


FAULTS = (vanish, reset, stall_in_a_message, stop_sending, send_junk, read_slowly)


def until_close(connection, pause_s=0.0):
    """Read a server's messages up to its CLOSE, with a pause before each."""
    reader = MessageReader(connection, "server")
    messages = [reader.read()]
    while messages[-1].id is not MessageID.CLOSE:
        time.sleep(pause_s)
        messages.append(reader.read())
    return messages


def _open(scan):
    return scan.removesuffix(bytes(CLOSE.data))


def _read_to_the_end(client):
    with contextlib.suppress(OSError):
        while client.recv(1 << 16):
            pass


def send_and_never_read(address, opening, piece, limit_s):
    """Send pieces of a scan without end, read nothing, and give how much was taken until the server gave it up."""
    n_taken = 0
    with socket.create_connection(address, LIMIT_S) as client:
        client.sendall(opening)
        # Longer than the server waits: what ends it is the server.
        client.settimeout(limit_s)
        with contextlib.suppress(ConnectionError):
            while True:
                n_taken += client.send(piece)
    return n_taken
