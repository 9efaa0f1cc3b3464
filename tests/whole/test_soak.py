"""Many scans, many clients and a fault now and then: every image is that of a lone run, and nothing is left behind.

A fault of each kind in a few scans each time; a thousand scans where they are asked for (``pytest -m soak``).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.connections import wait_until
from helpers.raw_scans import LIMIT_S, chain_xml, converse, scan_bytes, scan_items

from gadgets.settings import NODE_SETTINGS
from pipelines.host import Host, ServerLimits
from pipelines.messages import CLOSE, MessageID, MessageReader, text_message
from pipelines.worker import Worker, worker_settings

N_CLIENTS = 8
LIMITS = ServerLimits(scans=2 * N_CLIENTS, stall_s=2.0)
NOTHING_SOUGHT = '<property name="spark_detection.method" value="none"/>'
DROP_IN = (
    '<external><execute name="gadgets.raw_repair" target="raw_repair" type="python"/>'
    f"<configuration>{NOTHING_SOUGHT}</configuration></external>"
)


def scan(seed):
    return scan_items(n_lines=8, seed=seed)


def whole(opening, seed, close=bytes(CLOSE.data)):
    return scan_bytes(opening, scan(seed), close=close)


def expected(seed):
    return [item.to_bytes() for item in scan(seed)]


def until_close(connection, pause_s=0.0):
    reader = MessageReader(connection, "server")
    messages = [reader.read()]
    while messages[-1].id is not MessageID.CLOSE:
        time.sleep(pause_s)
        messages.append(reader.read())
    return messages


def is_as_alone(messages, seed):
    return [message.body for message in messages[:-1]] == expected(seed) and messages[-1].id is MessageID.CLOSE


# Each is given where to connect, what opens a scan and a seed, and does something that no client should.


def vanish(address, opening, seed):
    with socket.create_connection(address, LIMIT_S) as client:
        client.sendall(whole(opening, seed, close=b"")[:-100])


def reset(address, opening, seed):
    with socket.create_connection(address, LIMIT_S) as client:
        client.sendall(whole(opening, seed, close=b""))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stall_in_a_message(address, opening, seed):
    with socket.create_connection(address, LIMIT_S) as client:
        client.sendall(whole(opening, seed, close=b"\xf0\x03half"))
        with contextlib.suppress(OSError):
            while client.recv(1 << 16):
                pass


def stop_sending(address, opening, seed):
    with socket.create_connection(address, LIMIT_S) as client:
        client.sendall(whole(opening, seed, close=b""))
        client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while client.recv(1 << 16):
                pass


def send_junk(address, opening, seed):
    junk = bytes(range(256)) * 16
    with socket.create_connection(address, LIMIT_S) as client, contextlib.suppress(OSError):
        client.sendall(whole(opening, seed, close=junk))
        client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 16):
            pass


def read_slowly(address, opening, seed):
    with socket.create_connection(address, LIMIT_S) as client:
        client.sendall(whole(opening, seed))
        assert is_as_alone(until_close(client, pause_s=0.02), seed)


FAULTS = (vanish, reset, stall_in_a_message, stop_sending, send_junk, read_slowly)


def run_scans(address, opening, n_scans):
    """Run scans, and a fault in place of every third; say which were not as they are alone."""

    def run(number):
        if number % 3 == 2:
            FAULTS[number // 3 % len(FAULTS)](address, opening, number)
            return True
        return is_as_alone(converse(address, whole(opening, number)), number)

    with ThreadPoolExecutor(N_CLIENTS) as clients:
        return [number for number, is_right in enumerate(clients.map(run, range(n_scans))) if not is_right]


def opened():
    """What the descriptors of this process are: files, and sockets and pipes by their number."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(str(path.readlink()))
    # The folder itself, while it is looked at.
    return {name for name in found if "/proc/" not in name}


def children():
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}


@contextlib.contextmanager
def nothing_left():
    """See that no thread, descriptor or process is left of what ran inside."""
    threads, descriptors, processes = threading.active_count(), opened(), children()
    yield
    # All at once: what is told of is what is left in the end.
    left = (0, set(), set())
    end = time.monotonic() + LIMIT_S / 4
    while time.monotonic() < end:
        left = (threading.active_count() - threads, children() - processes, opened() - descriptors)
        if left[0] <= 0 and not left[1] and not left[2]:
            return
        time.sleep(0.05)
    assert left == (0, set(), set()), "threads, processes, descriptors"


@pytest.fixture
def worker():
    settings = worker_settings(None, {"DESPARK_SPARK_DETECTION_METHOD": "none"})
    assert set(settings) == set(NODE_SETTINGS)
    with Worker({"raw_repair": 0}, settings=settings, limits=LIMITS) as running:
        yield running


@pytest.mark.parametrize("n_scans", [20, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_host_serves_many_and_leaves_nothing_behind(n_scans):
    opening = text_message(MessageID.CONFIG, chain_xml(DROP_IN))
    with Host(limits=LIMITS) as host:
        assert is_as_alone(converse(host.address, whole(opening, 0)), 0)
        with nothing_left():
            assert run_scans(host.address, opening, n_scans) == []
        assert is_as_alone(converse(host.address, whole(opening, 0)), 0)


@pytest.mark.parametrize("n_scans", [60, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_worker_serves_many_and_leaves_nothing_behind(worker, n_scans):
    opening = text_message(MessageID.CONFIG, "<configuration/>")
    address = worker.addresses["raw_repair"]
    assert is_as_alone(converse(address, whole(opening, 0)), 0)
    with nothing_left():
        assert run_scans(address, opening, n_scans) == []
    assert is_as_alone(converse(address, whole(opening, 0)), 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_node_that_is_killed_under_load_costs_no_other_scan(number):
    opening = text_message(MessageID.CONFIG, chain_xml(DROP_IN))
    results: list[int] = []
    with Host(limits=LIMITS) as host:
        assert is_as_alone(converse(host.address, whole(opening, 0)), 0)
        with nothing_left(), socket.create_connection(host.address, LIMIT_S) as victim:
            victim.sendall(whole(opening, 1, close=b""))
            assert victim.recv(2, socket.MSG_PEEK)
            # The session of the lone run may not have ended yet.
            (session,) = wait_until(lambda: len(host._sessions) == 1 and host._sessions)
            others = threading.Thread(target=lambda: results.extend(run_scans(host.address, opening, 2)))
            others.start()
            os.kill(session._scan._nodes[0]._process.pid, number)
            victim.sendall(bytes(CLOSE.data))
            messages = until_close(victim)
            others.join(LIMIT_S)
    assert results == []
    assert f"killed by {number.name}" in messages[-2].text
    assert [message.body for message in messages[:-2]] == expected(1)
