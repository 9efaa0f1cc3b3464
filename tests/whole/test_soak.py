"""Many scans, many clients and a fault now and then: all that comes back is that of a lone run, nothing is left behind.

A thousand scans through servers that run on their own: ``test_thousand_scans.py``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.clients.bad import FAULTS, until_close
from helpers.connections import descendants, wait_until
from helpers.raw_scans import LIMIT_S, chain_xml, converse, scan_bytes, scan_items

from gadgets.settings import NODE_SETTINGS
from pipelines.host import Host, ServerLimits
from pipelines.messages import CLOSE, MessageID, text_message
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


def is_as_alone(messages, seed):
    return [message.body for message in messages[:-1]] == expected(seed) and messages[-1].id is MessageID.CLOSE


def run_scans(address, opening, n_scans):
    """Run scans, and a fault in place of every third; say which were not as they are alone."""

    def run(number):
        if number % 3 == 2:
            FAULTS[number // 3 % len(FAULTS)](address, whole(opening, number))
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


@contextlib.contextmanager
def nothing_left():
    """See that no thread, descriptor or process is left of what ran inside."""
    threads, descriptors, processes = threading.active_count(), opened(), descendants()
    yield
    # All at once: what is told of is what is left in the end.
    left = (0, set(), set())
    end = time.monotonic() + LIMIT_S / 4
    while time.monotonic() < end:
        left = (threading.active_count() - threads, descendants() - processes, opened() - descriptors)
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


def test_a_host_serves_many_and_leaves_nothing_behind():
    opening = text_message(MessageID.CONFIG, chain_xml(DROP_IN))
    with Host(limits=LIMITS) as host:
        assert is_as_alone(converse(host.address, whole(opening, 0)), 0)
        with nothing_left():
            assert run_scans(host.address, opening, 20) == []
        assert is_as_alone(converse(host.address, whole(opening, 0)), 0)


def test_a_worker_serves_many_and_leaves_nothing_behind(worker):
    opening = text_message(MessageID.CONFIG, "<configuration/>")
    address = worker.addresses["raw_repair"]
    assert is_as_alone(converse(address, whole(opening, 0)), 0)
    with nothing_left():
        assert run_scans(address, opening, 60) == []
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
