"""How scans end that nobody wants any more, and how the host does."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest
from helpers.connections import wait_until
from helpers.raw_scans import (
    LIMIT_S,
    chain_xml,
    converse,
    reason_of,
    scan_bytes,
    scan_items,
)

import pipelines.host.connections
import pipelines.host.nodes.node_process
import pipelines.host.nodes.node_socket
from pipelines.chains import EVERYTHING
from pipelines.host import ServerLimits
from pipelines.host.host import Host
from pipelines.messages.message_reader import MessageReader
from pipelines.messages.messages import MessageID, filename_message

pytestmark = pytest.mark.usefixtures("probes")


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_client_that_vanishes_takes_its_nodes_with_it(host, tmp_path, monkeypatch):
    pid_file = tmp_path / "pid"
    monkeypatch.setenv("PROBE_PID_FILE", str(pid_file))
    with socket.create_connection(host.address) as client:
        client.sendall(scan_bytes(chain_xml("note_pid_and_wait"), close=b""))
        wait_until(lambda: pid_file.exists() and pid_file.read_text())
        pid = int(pid_file.read_text())
        assert is_alive(pid)
    wait_until(lambda: not is_alive(pid), 10)


def test_stopping_the_host_ends_scans_and_nodes(tmp_path, monkeypatch):
    pid_file = tmp_path / "pid"
    monkeypatch.setenv("PROBE_PID_FILE", str(pid_file))
    with Host(trust=EVERYTHING) as host:
        client = socket.create_connection(host.address)
        client.sendall(scan_bytes(chain_xml("note_pid_and_wait")))
        wait_until(lambda: pid_file.exists() and pid_file.read_text())
    assert not is_alive(int(pid_file.read_text()))
    client.close()


def test_a_scan_in_which_nothing_moves_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("PROBE_PID_FILE", str(tmp_path / "pid"))
    with Host(limits=ServerLimits(idle_s=1.0), trust=EVERYTHING) as host:
        text = reason_of(converse(host.address, scan_bytes(chain_xml("note_pid_and_wait"))))
    assert "nothing moved for 1 s" in text


def test_a_client_that_says_nothing_is_not_kept_for_ever():
    with Host(limits=ServerLimits(stall_s=0.3)) as host:
        assert "nothing came for 0.3 s" in reason_of(converse(host.address, b""))


def test_the_farewell_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(pipelines.host.connections, "FAREWELL_LIMIT_S", 0.5)
    with Host(trust=EVERYTHING) as host, socket.create_connection(host.address) as client:
        client.sendall(filename_message("nope").data)
        wait_until(lambda: not any(thread.name.startswith("127.0.0.1:") for thread in threading.enumerate()), 10)


def test_a_scan_that_runs_may_come_to_its_end_when_the_host_is_told_to_stop():
    items = scan_items()
    outgoing = scan_bytes(chain_xml("pass_on"), items)
    with Host(trust=EVERYTHING) as host:
        stopping = threading.Thread(target=host.stop, args=(LIMIT_S,))
        with socket.create_connection(host.address, timeout=LIMIT_S) as connection:
            connection.sendall(outgoing[:-100])
            wait_until(lambda: host.n_scans == 1)
            stopping.start()
            connection.sendall(outgoing[-100:])
            reader = MessageReader(connection, "host")
            assert [reader.read().id for _ in items] == [MessageID.ACQUISITION] * len(items)
            assert reader.read().id is MessageID.CLOSE
        stopping.join(LIMIT_S)
    assert "despark_scans_total 1" in host.metrics.text()


def test_who_is_in_a_hurry_does_not_wait_for_scans():
    with Host(trust=EVERYTHING) as host, socket.create_connection(host.address, timeout=LIMIT_S) as connection:
        connection.sendall(scan_bytes(chain_xml("pass_on"))[:-100])
        wait_until(lambda: host.n_scans == 1)
        started = time.monotonic()
        host.stop(LIMIT_S, lambda: True)
        assert time.monotonic() - started < LIMIT_S / 2
