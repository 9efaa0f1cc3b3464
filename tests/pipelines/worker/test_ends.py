"""How a worker ends, and scans that it gives up: those of others go on."""

from __future__ import annotations

import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers.clients.bad import send_and_never_read, until_close
from helpers.connections import wait_until
from helpers.raw_scans import (
    ACQ_IS_NOISE_MEASUREMENT,
    LIMIT_S,
    raw_acquisition,
    scan_bytes,
    scan_items,
)

from gadgets.logbook import Logbook
from gadgets.wire import attach
from pipelines.host import ServerLimits
from pipelines.messages.messages import CLOSE, MessageID, text_message
from pipelines.worker.health import check_nodes
from pipelines.worker.worker import Worker

NO_DETECTION = {"spark_detection": {"method": "none"}, "raw_repair": {"spark_detection.method": "none"}}


def begun(worker):
    """A scan that waits for its data."""
    peer = socket.create_connection(worker.addresses["raw_repair"], timeout=LIMIT_S)
    peer.sendall(scan_bytes(text_message(MessageID.CONFIG, "<configuration/>"), close=b""))
    wait_until(lambda: worker.n_scans == 1)
    return peer


def test_a_scan_that_runs_may_end_before_the_worker_does():
    worker = Worker({"raw_repair": 0}, settings=NO_DETECTION)
    worker.start()
    with begun(worker) as peer:
        stopping = threading.Thread(target=worker.stop)
        stopping.start()
        wait_until(lambda: refuses(peer))
        peer.sendall(bytes(CLOSE.data))
        received = b""
        while piece := peer.recv(1 << 16):
            received += piece
        assert received.endswith(bytes(CLOSE.data))
        assert len(received) > 9 * 340
        stopping.join(LIMIT_S)
        assert not stopping.is_alive()


def refuses(peer):
    try:
        socket.create_connection(peer.getpeername()).close()
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("ends", [{"grace_s": 0.1}, {"is_urgent": lambda: True}])
def test_a_scan_that_does_not_end_is_broken_off(caplog, monkeypatch, ends):
    monkeypatch.setattr("pipelines.worker.scan_socket._LAST_S", LIMIT_S)
    worker = Worker({"raw_repair": 0}, settings=NO_DETECTION)
    worker.start()
    with begun(worker) as peer:
        # Not while the opening is still read: of the data none comes back then.
        assert peer.recv(1, socket.MSG_PEEK)
        worker.stop(**ends)
        assert worker.n_scans == 0
        *data, reason, last = until_close(peer)
    assert re.search(r"raw_repair 127.0.0.1:\d+: broken off, the worker stops", caplog.text)
    assert [message.id for message in data] == [MessageID.ACQUISITION] * len(scan_items())
    assert reason.text == "raw_repair: the worker was stopped before the scan had ended"
    assert last.id is MessageID.CLOSE


def test_who_has_sent_half_an_opening_is_told_that_the_worker_stops():
    worker = Worker({"raw_repair": 0}, settings=NO_DETECTION)
    worker.start()
    with socket.create_connection(worker.addresses["raw_repair"], timeout=LIMIT_S) as peer:
        peer.sendall(bytes(text_message(MessageID.CONFIG, "<configuration/>").data))
        wait_until(lambda: [each for each in worker._scans if each.n_opening])
        worker.stop(grace_s=0.0)
        reason = until_close(peer)[0]
    assert reason.text == "raw_repair: the worker was stopped before the scan had ended"


def test_a_peer_that_does_not_read_keeps_no_worker_from_stopping(monkeypatch):
    def sends_without_end(connection):
        transport = attach(connection)
        while True:
            transport.write(bytes(1 << 20))

    monkeypatch.setattr("pipelines.worker.node_session.gadget_of", lambda _: sends_without_end)
    monkeypatch.setattr("pipelines.worker.worker._JOIN_S", 0.5)
    worker = Worker({"raw_repair": 0}, settings=NO_DETECTION)
    worker.start()
    with begun(worker) as peer:
        assert peer.recv(1, socket.MSG_PEEK)
        worker.stop(grace_s=0.0)
        wait_until(lambda: worker.n_scans == 0)


def test_a_silent_peer_is_given_up():
    with Worker({"raw_repair": 0}, settings=NO_DETECTION, limits=ServerLimits(idle_s=0.2)) as worker, begun(worker):
        wait_until(lambda: worker.n_scans == 0)


def test_who_has_no_scan_makes_room_for_those_who_want_one(monkeypatch):
    monkeypatch.setattr("pipelines.host.guests.CROWDED_S", 0.2)
    with Worker({"raw_repair": 0}, limits=ServerLimits(connections=1)) as worker:
        address = worker.addresses["raw_repair"]
        with socket.create_connection(address, timeout=LIMIT_S) as silent:
            wait_until(lambda: any(connected.idle_s > 0.2 for connected in worker._scans))
            check_nodes(worker.addresses)
            assert silent.recv(1) == b""


def test_a_client_that_never_reads_is_given_up_and_holds_up_nobody(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr("gadgets.outside.pace.TAKES", 0.02)
    record = tmp_path / "record.sqlite"
    settings = {"raw_repair": {**NO_DETECTION["raw_repair"], "calibration.record": str(record)}}
    opening = text_message(MessageID.CONFIG, "<configuration/>")
    noise = [raw_acquisition(flags=ACQ_IS_NOISE_MEASUREMENT, n_samples=4096)]
    begin = scan_bytes(opening, [], close=b"")
    piece = scan_bytes(opening, noise, close=b"").removeprefix(begin)
    with Worker({"raw_repair": 0}, settings=settings) as worker, ThreadPoolExecutor(1) as pool:
        address = worker.addresses["raw_repair"]
        taken = pool.submit(send_and_never_read, address, begin, piece, LIMIT_S)
        check_nodes(worker.addresses)
        assert taken.result(LIMIT_S) < 64 << 20
        wait_until(lambda: not worker.n_scans)
        check_nodes(worker.addresses)
    reason = "the connection broke while sending: too little of what was sent was taken, in 1.2 s"
    assert f"raw_repair: {reason}" in caplog.text
    assert [entry.failure for entry in Logbook(record).entries()] == [reason]


def test_a_full_memory_costs_the_scan_of_which_most_came_and_no_other(monkeypatch, caplog):
    monkeypatch.setattr("pipelines.worker.worker._WATCH_S", 0.05)
    is_full = threading.Event()
    monkeypatch.setattr("pipelines.worker.worker.resident_bytes", lambda: 1 << 60 if is_full.is_set() else 0)
    content = scan_bytes(text_message(MessageID.CONFIG, "<configuration/>"), close=b"")
    with Worker({"raw_repair": 0}, settings=NO_DETECTION) as worker:
        address = worker.addresses["raw_repair"]
        with socket.create_connection(address, LIMIT_S) as small, socket.create_connection(address, LIMIT_S) as large:
            small.sendall(content)
            large.sendall(content + content[content.index(b"\xf0\x03") :])
            assert small.recv(1) + large.recv(1)
            wait_until(lambda: worker.n_scans == 2)
            is_full.set()
            while large.recv(1 << 16):
                pass
            is_full.clear()
            small.sendall(bytes(CLOSE.data))
            received = b""
            while piece := small.recv(1 << 16):
                received += piece
    assert received.endswith(bytes(CLOSE.data))
    assert caplog.text.count("broken off, the memory is full") == 1
