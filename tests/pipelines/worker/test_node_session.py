"""One scan of one node in this process: what its peer gets back, whatever happens."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading

import pytest
from helpers.connections import parse, run_on_connection, written
from helpers.fakes import FindsGiven
from helpers.raw_scans import HEADER, LIMIT_S, scan_items
from helpers.transcript_cases import CASES, FITTING

import gadgets.node
import pipelines.worker.node_session
from gadgets.settings.definitions import NODE_SETTINGS
from gadgets.wire import Waveform
from pipelines.chains import EVERYTHING, OURS, trust_of
from pipelines.host import ServerLimits
from pipelines.messages.messages import CLOSE, MessageID, data_message, text_message
from pipelines.worker.node_session import gadget_of, serve_node
from pipelines.worker.scan_socket import ScanSocket

EMPTY = b'<?xml version="1.0"?>\n'
NO_DETECTION = {"spark_detection.method": "none"}
DATA = b"".join(bytes(data_message(MessageID.ACQUISITION, item.to_bytes()).data) for item in scan_items())


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(pipelines.worker.node_session, "QUIET_S", 0.2)


def stream(configuration=EMPTY, header=HEADER, data=DATA, close=bytes(CLOSE.data)):
    opening = text_message(MessageID.CONFIG, configuration), text_message(MessageID.HEADER, header)
    return b"".join(bytes(message.data) for message in opening) + data + close


def answer(content, node="raw_repair", defaults=NO_DETECTION, hang_up=False, idle_limit_s=LIMIT_S, trust=EVERYTHING):
    """Everything that comes back; fails where the node does not end."""
    ours, theirs = socket.socketpair()
    ours.settimeout(LIMIT_S)

    def feed():
        # What the node cannot read any more is what some tests look for.
        with contextlib.suppress(OSError):
            ours.sendall(content)
            if hang_up:
                ours.shutdown(socket.SHUT_WR)

    limits = ServerLimits(idle_s=idle_limit_s)
    with ours:
        # Both at once: a node that answers early waits until its peer reads, as its peer would for the node.
        threads = [
            threading.Thread(target=feed),
            threading.Thread(target=serve_node, args=(ScanSocket(theirs), node, defaults, limits, trust)),
        ]
        for thread in threads:
            thread.start()
        received = b""
        while piece := ours.recv(1 << 16):
            received += piece
        for thread in threads:
            thread.join(LIMIT_S)
            assert not thread.is_alive()
    return received


def reason_of(received):
    (number, reason), last = parse(received)
    assert (number, last) == (8, (4, None))
    return reason


@pytest.mark.parametrize("node", NODE_SETTINGS)
def test_every_node_is_a_function_of_that_name(node):
    assert gadget_of(node).__name__ == node


def test_acquisitions_come_back():
    assert answer(stream()) == DATA + bytes(CLOSE.data)


def test_an_empty_configuration_means_the_workers_own(tmp_path):
    report = tmp_path / "report.jsonl"
    answer(stream(), defaults=NO_DETECTION | {"report": str(report)})
    assert report.read_text().count("\n") == 3


def test_a_scans_own_configuration_goes_before(tmp_path):
    own, ours = tmp_path / "own.jsonl", tmp_path / "ours.jsonl"
    configuration = f'<configuration><property name="report" value="{own}"/></configuration>'.encode()
    answer(stream(configuration), defaults=NO_DETECTION | {"report": str(ours)})
    assert own.exists()
    assert not ours.exists()


def test_a_header_that_the_package_cannot_parse_is_mended():
    wave = b"<waveformInformation><waveformName>a</waveformName><waveformType>ecg</waveformType></waveformInformation>"
    header = HEADER.replace(b"</ismrmrdHeader>", wave + b"</ismrmrdHeader>")
    assert answer(stream(header=header)) == DATA + bytes(CLOSE.data)


def test_a_scan_may_not_name_files_of_the_worker(tmp_path):
    configuration = f'<configuration><property name="report" value="{tmp_path}/own.jsonl"/></configuration>'.encode()
    assert "--allow-folder" in reason_of(answer(stream(configuration), trust=OURS))
    answer(stream(configuration), trust=trust_of(folders=[tmp_path]))
    assert (tmp_path / "own.jsonl").exists()


REFUSED = {
    "header is no XML": (stream(header=b"<ismrmrdHeader"), "raw_repair: raw_repair: the MRD header is not well-formed"),
    "header of another kind": (stream(header=b"<a/>"), "expected an MRD header"),
    "header without what a parser needs": (
        stream(header=HEADER.replace(b"<x>16</x>", b"<x>wide</x>")),
        "raw_repair: ",
    ),
    "no configuration": (stream()[6 + len(EMPTY) :], "expected a CONFIG message"),
    "configuration is no XML": (stream(b"<configuration"), "raw_repair: the configuration is not well-formed XML"),
    "unknown property": (
        stream(b'<configuration><property name="a" value="1"/></configuration>'),
        "raw_repair: unknown property 'a'",
    ),
    "data that cannot be parsed": (stream(data=DATA + b"\x67\x12"), "found message id 4711"),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_served_is_read_to_its_end_and_answered_with_the_reason(content, reason):
    received = answer(content)
    assert reason in (parse(received)[-2][1] if DATA[:100] in received else reason_of(received))
    assert received.endswith(bytes(CLOSE.data))


@pytest.mark.parametrize("n_bytes", [1, 2, 5, 6, 20, 28, 30, 34, 500, len(stream()) - len(DATA) - 3, len(stream()) - 1])
def test_a_stream_cut_off_anywhere_is_answered_with_the_reason(n_bytes):
    received = answer(stream()[:n_bytes], hang_up=True)
    (number, reason), last = parse(received)[-2:]
    assert (number, last) == (8, (4, None))
    assert "short" in reason


def test_a_peer_that_only_looked_whether_somebody_listens_gets_no_answer(caplog):
    assert answer(b"", hang_up=True) == b""
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


def test_a_peer_that_falls_silent_is_taken_to_be_gone():
    received = answer(stream(close=b""), idle_limit_s=0.2)
    assert "nothing came for 0.2 s" in parse(received)[-2][1]


def test_a_scan_is_logged_and_a_health_check_is_not(caplog):
    caplog.set_level(logging.INFO, "pipelines.worker.node_session")
    answer(stream(data=b""))
    assert not caplog.messages
    answer(stream())
    assert "raw_repair: 0.0 MB came, over after" in caplog.text


FITTING_NODES = [
    pytest.param(case, node, id=f"{case}-{node}") for case, kind in CASES.items() for node in FITTING.get(kind, ())
]


@pytest.mark.parametrize(("case", "node"), FITTING_NODES)
def test_a_recorded_stream_is_answered_as_by_the_node_alone(case, node, transcripts_folder, monkeypatch):
    """Header mended, configuration written anew: nothing of that shows in the answer."""
    for module in ("spark_detection", "raw_repair"):
        monkeypatch.setattr(f"gadgets.{module}.detector_for", lambda _: FindsGiven((0, 30, 40)))
    monkeypatch.setattr(gadgets.node, "QUIET_S", 0.2)
    content = (transcripts_folder / f"{case}.server_to_external.bin").read_bytes()
    alone, served = (
        [(number, untimed(item, node)) for number, item in parse(received)]
        for received in (run_on_connection(gadget_of(node), content, hang_up=False), answer(content, node, {}))
    )
    assert served == alone


def untimed(item, node):
    """What is the same each time: the bytes, but of waveforms of ours and images, which hold times, their kind."""
    is_timed = isinstance(item, Waveform) or node == "image_fft"
    return item if item is None or isinstance(item, str) else type(item) if is_timed else written([item])
