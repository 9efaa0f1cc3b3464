"""What a client of the host gets at most, how long it is waited for, and what it is told."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers.clients.bad import send_and_never_read
from helpers.connections import wait_until
from helpers.raw_scans import (
    ACQ_IS_NOISE_MEASUREMENT,
    HEADER,
    LIMIT_S,
    chain_xml,
    converse,
    raw_acquisition,
    reason_of,
    scan_bytes,
    scan_items,
)

import pipelines.host.connections
import pipelines.host.guests
from pipelines.chains import EVERYTHING
from pipelines.host import Host, ServerLimits
from pipelines.host.connections import ClientConnection
from pipelines.messages import CLOSE, MessageID, MessageReader, filename_message, text_message

pytestmark = pytest.mark.usefixtures("probes")

RAW_REPAIR = (
    '<external><execute name="gadgets.raw_repair" target="raw_repair" type="python"/>'
    '<configuration><property name="spark_detection.method" value="none"/></configuration></external>'
)


def answers(connection):
    reader = MessageReader(connection, "server")
    messages = [reader.read()]
    while messages[-1].id is not MessageID.CLOSE:
        messages.append(reader.read())
    return messages


def test_by_default_a_client_may_run_the_gadgets_of_despark_and_nothing_else():
    with Host() as host:
        assert len(converse(host.address, scan_bytes(chain_xml(RAW_REPAIR)))) == 10
        assert "--allow-module" in reason_of(converse(host.address, scan_bytes(chain_xml("pass_on"))))


# Everything before the data that could be large, or deep, or many, with the least that has to be sent for it.
BOMBS = {
    "an image of 16 GiB": (struct.pack("<H", 1022) + b"\1\0\10\0" + b"\xff" * 300, "before any data, found IMAGE"),
    "an acquisition": (struct.pack("<H", 1008) + b"\xff" * 340, "before any data, found ACQUISITION"),
    "a configuration of 4 GiB": (struct.pack("<HI", 2, 0xFFFFFFFF), "CONFIG message 1 declares 4294967295 more bytes"),
    "a query of 2^63 bytes": (struct.pack("<HQQQ", 6, 0, 0, 1 << 63), "QUERY message 1 declares"),
    "a deep configuration": (
        bytes(text_message(MessageID.CONFIG, b"<a>" * 200_000 + b"</a>" * 200_000).data),
        "at most 64 elements inside one another",
    ),
    "a deep property": (
        bytes(text_message(MessageID.CONFIG, chain_xml(RAW_REPAIR.replace("</conf", "<a>" * 2000 + "</conf"))).data),
        "at most 64 elements inside one another",
    ),
    "a wide header": (
        bytes(filename_message("repair_raw").data)
        + bytes(text_message(MessageID.HEADER, b"<ismrmrdHeader>" + b"<a/>" * 100_000).data),
        "at most 50000 elements",
    ),
}


@pytest.mark.parametrize(("content", "reason"), BOMBS.values(), ids=BOMBS)
def test_nothing_is_taken_on_its_word_before_a_scan(content, reason):
    with Host() as host:
        assert reason in reason_of(converse(host.address, content))
        assert [message.id for message in converse(host.address, bytes(CLOSE.data))] == [MessageID.CLOSE]


def test_a_message_beyond_the_memory_of_a_scan_is_refused(monkeypatch):
    monkeypatch.setenv("DESPARK_MEMORY_LIMIT", "0.001")
    items = [scan_items()[1], *scan_items(n_lines=1, n_samples=60_000, n_coils=4)]
    with Host(trust=EVERYTHING) as host:
        text = reason_of(converse(host.address, scan_bytes(chain_xml("pass_on"), items)))
    assert "ACQUISITION message" in text
    assert "expected at most 26" in text


def test_a_kind_of_message_that_the_chain_does_not_read_is_refused_by_its_id():
    with Host(trust=EVERYTHING) as host:
        image = struct.pack("<H", 1022) + b"\1\0\10\0" + b"\xff" * 30
        text = reason_of(converse(host.address, scan_bytes(chain_xml("pass_on"), [], close=image)))
    assert "has no reader for IMAGE messages" in text


def test_a_client_that_asks_and_does_not_listen_is_given_up():
    """Its answers fill the connection; the thread that writes them must not wait for ever."""
    query = struct.pack("<HQQQ", 6, 0, 0, 4000) + b"?" * 4000
    with Host(limits=ServerLimits(stall_s=1.0)) as host, socket.create_connection(host.address, LIMIT_S) as client:
        client.settimeout(0.5)
        with contextlib.suppress(TimeoutError, ConnectionError):
            for _ in range(20_000):
                client.sendall(query)
        wait_until(lambda: not host._sessions)


def test_settings_behind_the_header_are_read_whole_and_judged_as_those_of_the_chain():
    parameters = {"raw_repair.report": "/tmp/a", "unknown": "x" * 5000}
    text = bytes(text_message(MessageID.TEXT, "\t" + json.dumps({"parameters": parameters}, indent="\t")).data)
    deep = bytes(text_message(MessageID.TEXT, "[" * 400_000).data)
    opening = scan_bytes(chain_xml(RAW_REPAIR), [], close=b"")
    with Host() as host:
        assert "--allow-folder" in reason_of(converse(host.address, opening + text))
        assert converse(host.address, opening + deep + bytes(CLOSE.data))[-1].id is MessageID.CLOSE


@pytest.mark.parametrize("how_far", ["nothing", "half an id", "half a configuration", "after a configuration"])
def test_a_slow_beginning_has_an_end(how_far):
    whole = bytes(filename_message("repair_raw").data)
    n_sent = {"nothing": 0, "half an id": 1, "half a configuration": 500, "after a configuration": len(whole)}
    start = time.monotonic()
    with Host(limits=ServerLimits(stall_s=0.5)) as host, socket.create_connection(host.address, LIMIT_S) as client:
        client.sendall(whole[: n_sent[how_far]])
        text = reason_of(answers(client))
    assert ("nothing came for" in text) or ("too little came" in text)
    assert time.monotonic() - start < 10


def test_who_names_chains_again_and_again_is_given_up_too():
    many = bytes(filename_message("repair_raw").data) * 250
    with Host(limits=ServerLimits(stall_s=0.5)) as host, socket.create_connection(host.address, LIMIT_S) as client:
        sender = threading.Thread(target=send_on, args=(client, many))
        sender.start()
        text = reason_of(answers(client))
        client.shutdown(socket.SHUT_RDWR)
        sender.join(LIMIT_S)
    assert text == "no HEADER came within 0.5 s"


def send_on(client, content):
    with contextlib.suppress(OSError):
        while True:
            client.sendall(content)


def test_a_byte_now_and_then_keeps_no_conversation_open(monkeypatch):
    """Neither within a message of a scan nor after its failure."""
    monkeypatch.setattr(pipelines.host.connections, "FAREWELL_LIMIT_S", 0.5)
    limits = ServerLimits(stall_s=1.0)
    with Host(limits=limits, trust=EVERYTHING) as host, socket.create_connection(host.address, LIMIT_S) as client:
        client.sendall(scan_bytes(chain_xml("pass_on"), close=b"\xf0\x03"))
        stop = threading.Event()
        trickle = threading.Thread(target=send_bytes, args=(client, stop))
        trickle.start()
        assert "too little came in the middle of message" in reason_of(answers(client))
        trickle.join(10)
        assert not trickle.is_alive(), "the host goes on reading"


def send_bytes(client, stop):
    while not stop.wait(0.05):
        try:
            client.sendall(b"\0")
        except OSError:
            return


def hang_after_a_failure(client):
    client.sendall(bytes(CLOSE.data)[:1] * 40)


@pytest.mark.parametrize("begin", [lambda _: None, lambda client: client.sendall(b"\2\0"), hang_after_a_failure])
def test_who_has_no_scan_makes_room_for_those_who_want_one(begin, monkeypatch):
    monkeypatch.setattr(pipelines.host.guests, "CROWDED_S", 0.2)
    with Host(limits=ServerLimits(connections=2)) as host, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(host.address, timeout=LIMIT_S)) for _ in range(2)]
        for client in idle:
            begin(client)
        wait_until(lambda: len(host._sessions) == 2 and all(session.idle_s > 0.2 for session in host._sessions))
        assert len(converse(host.address, scan_bytes(chain_xml(RAW_REPAIR)))) == 10


def test_a_scan_that_pauses_keeps_its_place(monkeypatch):
    monkeypatch.setattr(pipelines.host.guests, "CROWDED_S", 0.01)
    with Host(limits=ServerLimits(connections=1)) as host, socket.create_connection(host.address, LIMIT_S) as client:
        client.sendall(scan_bytes(chain_xml(RAW_REPAIR), close=b""))
        assert client.recv(2, socket.MSG_PEEK)
        assert "--connections" in reason_of(converse(host.address, scan_bytes(chain_xml(RAW_REPAIR))))
        client.sendall(CLOSE.data)
        assert len(answers(client)) == 10


def test_a_client_that_never_reads_is_given_up_and_holds_up_nobody(monkeypatch, caplog):
    monkeypatch.setattr("gadgets.outside.pace.TAKES", 0.02)
    chain = chain_xml(RAW_REPAIR)
    noise = [raw_acquisition(flags=ACQ_IS_NOISE_MEASUREMENT, n_samples=4096)]
    piece = scan_bytes(chain, noise, close=b"").removeprefix(scan_bytes(chain, [], close=b""))
    with Host() as host, ThreadPoolExecutor(1) as pool:
        taken = pool.submit(send_and_never_read, host.address, scan_bytes(chain, [], close=b""), piece, LIMIT_S)
        assert len(converse(host.address, scan_bytes(chain))) == 10
        # What the system's buffers hold, and a few messages.
        assert taken.result(LIMIT_S) < 64 << 20
        wait_until(lambda: not host._sessions)
        assert "the client went away (too little of what was sent was taken, in 1.2 s)" in caplog.text
        assert len(converse(host.address, scan_bytes(chain))) == 10


def test_so_many_scans_run_at_once_and_no_more():
    with Host(limits=ServerLimits(scans=1), trust=EVERYTHING) as host:
        with socket.create_connection(host.address, LIMIT_S) as first:
            first.sendall(scan_bytes(chain_xml("pass_on"), close=b""))
            assert first.recv(1)
            text = reason_of(converse(host.address, scan_bytes(chain_xml("pass_on"))))
            assert text == "1 scans run already, no more are taken at once (--scans)"
            first.sendall(bytes(CLOSE.data))
            while first.recv(1 << 16):
                pass
        assert len(converse(host.address, scan_bytes(chain_xml("pass_on")))) == 10


@pytest.mark.parametrize("how_far", ["connected", "in a scan"])
def test_a_client_is_told_that_the_server_stops(how_far):
    host = Host(trust=EVERYTHING)
    host.start()
    with socket.create_connection(host.address, LIMIT_S) as client:
        if how_far == "in a scan":
            client.sendall(scan_bytes(chain_xml("pass_on"), close=b""))
            assert client.recv(2, socket.MSG_PEEK)
        else:
            client.sendall(b"\6")
            time.sleep(0.2)
        start = time.monotonic()
        host.stop()
        assert time.monotonic() - start < 10
        assert reason_of(answers(client)) == "the server is shutting down"


@pytest.mark.parametrize("target", ["pass_on", "note_pid_and_wait"])
def test_a_node_that_is_stopped_is_noticed(target, tmp_path, monkeypatch):
    """One that reads nothing any more, and one that owes its CLOSE; neither uses the processor."""
    monkeypatch.setattr("pipelines.host.watchdog._USUAL_S", 0.0)
    pid_file = tmp_path / "pid"
    monkeypatch.setenv("PROBE_PID_FILE", str(pid_file))
    limits = ServerLimits(node_s=1.5)
    with Host(limits=limits, trust=EVERYTHING) as host, socket.create_connection(host.address, LIMIT_S) as client:
        client.sendall(scan_bytes(chain_xml(target), close=b""))
        (session,) = wait_until(lambda: [session for session in host._sessions if session._scan])
        (node,) = session._scan._nodes
        if target == "pass_on":
            assert client.recv(2, socket.MSG_PEEK)
            os.kill(node._process.pid, signal.SIGSTOP)
        else:
            wait_until(pid_file.exists)
        client.sendall(scan_bytes(b"", scan_items())[len(scan_bytes(b"", [], close=b"")) :])
        text = reason_of(answers(client))
    assert "node probe_gadgets failed: it has neither read nor answered for" in text
    assert node._process.wait(LIMIT_S) == -signal.SIGKILL


def test_a_node_that_waits_for_data_is_left_alone(monkeypatch):
    monkeypatch.setattr("pipelines.host.watchdog._USUAL_S", 0.0)
    limits = ServerLimits(node_s=1.0)
    with Host(limits=limits, trust=EVERYTHING) as host, socket.create_connection(host.address, LIMIT_S) as client:
        client.sendall(scan_bytes(chain_xml("pass_on"), header=HEADER, close=b""))
        assert client.recv(2, socket.MSG_PEEK)
        time.sleep(3.5)
        client.sendall(bytes(CLOSE.data))
        assert len(answers(client)) == 10


def test_a_connection_that_was_closed_here_is_lost():
    """A thread that still reads from it asks so when a server stops."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        client = ClientConnection(listener.accept()[0], LIMIT_S)
        assert not client.is_lost()
        client.close()
        assert client.is_lost()
