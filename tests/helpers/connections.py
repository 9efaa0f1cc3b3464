"""Runs a node on a real ``gadgetron`` Connection over a socket pair, or a filter between pipes, with a time limit.

And waits for what another thread or process does, no longer than that; and sees which processes there are.
"""

from __future__ import annotations

import io
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gadgetron.external.connection import Connection

from gadgets.errors import DesparkError
from gadgets.wire.attach import Readers, attach
from gadgets.wire.transport import Transport

LIMIT_S = 60.0

Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found], limit_s: float = LIMIT_S) -> Found:
    """Wait until something is so, and give what the condition found then."""
    end = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


def descendants(process: int | None = None) -> set[int]:
    """Give the processes that were started by a process, or by one of these; by this one where none is named."""
    found = set()
    for task in Path(f"/proc/{process or os.getpid()}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found |= {int(child) for child in children} | set().union(*(descendants(int(child)) for child in children))
    return found


def is_running(process: int) -> bool:
    """Whether a process does anything; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def run_on_connection(node, incoming: bytes, *, hang_up: bool = True, limit_s: float = LIMIT_S) -> bytes:
    """Feed bytes to a node and give all that it sends.

    ``hang_up`` ends the stream after the bytes, as a peer that vanishes; otherwise the connection stays open, as
    Gadgetron's does until the node closes.
    """
    ours, theirs = socket.socketpair()
    received = io.BytesIO()
    failures: list[BaseException] = []

    def feed() -> None:
        try:
            ours.sendall(incoming)
            if hang_up:
                ours.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve() -> None:
        try:
            with Connection(theirs) as connection:
                node(connection)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=target, daemon=True) for target in (feed, serve)]
    for thread in threads:
        thread.start()
    ours.settimeout(limit_s)
    while chunk := ours.recv(1 << 20):
        received.write(chunk)
    for thread in threads:
        thread.join(limit_s)
        assert not thread.is_alive(), "the node hangs"
    ours.close()
    if failures:
        raise failures[0]
    return received.getvalue()


class _Bytes:
    """A stand-in for a socket that holds all of its input."""

    family = socket.AF_UNIX

    def __init__(self, content: bytes) -> None:
        self._stream = io.BytesIO(content)
        self.sent = b""

    def recv_into(self, target) -> int:
        return self._stream.readinto(target)

    def sendall(self, content) -> None:
        self.sent += bytes(content)

    def gettimeout(self) -> None:
        return None

    def settimeout(self, _limit_s) -> None:
        """All of the input is there: there is nothing to wait for."""


class _Stub:
    def __init__(self, content: bytes) -> None:
        self.socket = type("Wrapper", (), {"socket": _Bytes(content)})()


def parse(content: bytes, *, as_node: bool = False) -> list[tuple[int, object]]:
    """Read what a node sent: message ids and items; ERROR and TEXT give their text, CLOSE ends the list with None.

    ``as_node`` reads as a node does, for which ERROR and TEXT are no messages to receive.
    """
    stub = _Stub(content)
    transport: Transport = attach(stub)
    readers: Readers = stub.readers
    messages: list[tuple[int, object]] = []
    while True:
        (message_id,) = struct.unpack("<H", transport.read(2))
        if message_id == 4:
            messages.append((4, None))
            return messages
        if message_id == 8 and not as_node:
            (length,) = struct.unpack("<Q", transport.read(8))
            messages.append((8, transport.read(length).decode()))
            continue
        if message_id == 5 and not as_node:
            (length,) = struct.unpack("<I", transport.read(4))
            messages.append((5, transport.read(length).decode()))
            continue
        messages.append((message_id, readers.get(message_id)(transport)))


def written(items) -> bytes:
    """Give the bytes that a node sends for these items."""
    stub = _Stub(b"")
    transport = attach(stub)
    for item in items:
        writer = next(writer for accepts, writer in stub.writers if accepts(item))
        writer(transport, item)
    transport.flush()
    return transport.socket.sent


class _Connection:
    def __init__(self, connected: socket.socket) -> None:
        self.socket = type("Wrapper", (), {"socket": connected})()


def stub_connection() -> tuple[_Connection, socket.socket]:
    """What ``attach`` needs of a Connection, on one end of a socket pair, and the other end."""
    ours, theirs = socket.socketpair()
    return _Connection(theirs), ours


def filter_through(
    content: bytes, run: Callable[[int, int], None], *, is_waiting: bool = True
) -> tuple[bytes, DesparkError | None]:
    """Feed a filter, which is given the descriptors it reads and writes; return its output and how it failed.

    Unless ``is_waiting`` nobody is to wait on them, as a program that shares them may have said, and little comes.
    """
    (source, feed), (drain, sink) = os.pipe(), os.pipe()
    os.set_blocking(source, is_waiting)
    os.set_blocking(sink, is_waiting)
    written = []

    def write():
        piece = len(content) if is_waiting else 4000
        with os.fdopen(feed, "wb", 0) as file:
            for start in range(0, len(content), max(piece, 1)):
                file.write(content[start : start + piece])
                if not is_waiting:
                    wait_until(lambda: not select.select([source], [], [], 0)[0])

    def read():
        with os.fdopen(drain, "rb") as file:
            written.append(file.read())

    threads = [threading.Thread(target=target) for target in (write, read)]
    for thread in threads:
        thread.start()
    failure = None
    try:
        run(source, sink)
    except DesparkError as error:
        failure = error
    finally:
        os.close(sink)
        os.set_blocking(source, True)
        while os.read(source, 1 << 16):
            pass
        os.close(source)
    for thread in threads:
        thread.join(LIMIT_S)
    return written[0], failure
