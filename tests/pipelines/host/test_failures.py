"""What becomes of failures in a scan: they are named to the client with their reason."""

from __future__ import annotations

import re
import socket

import pytest
from helpers.raw_scans import (
    chain_xml,
    converse,
    raw_acquisition,
    reason_of,
    scan_bytes,
    scan_items,
)

import pipelines.host.connections
import pipelines.host.nodes.node_process
import pipelines.host.nodes.node_socket
from pipelines.messages.messages import CLOSE, MessageID, data_message, filename_message, text_message

pytestmark = pytest.mark.usefixtures("probes")


FAILURES = {
    "raise_at_start": "exit code 1: RuntimeError: broken from the start",
    "raise_in_the_middle": "exit code 1: RuntimeError: broken in the middle",
    "return_early": "failed: it ended before it had read all of its input",
    "exit_without_close": "exit code 0",
    "exit_with_code": "exit code 3: out of luck",
    "kill_itself": "killed by SIGKILL",
    "say_error": "failed: no models here",
    "say_text": "failed: text",
    "send_junk": "unknown message id 4711",
    "no_such_function": "exit code 1: TypeError: Unable to initialize suitable target",
}


@pytest.mark.parametrize("neighbours", [(), ("pass_on",)], ids=["alone", "among others"])
@pytest.mark.parametrize(("target", "reason"), FAILURES.items(), ids=FAILURES)
def test_a_failing_node_is_named_to_the_client_with_its_reason(host, target, reason, neighbours):
    chain = chain_xml(*neighbours, target, *neighbours)
    text = reason_of(converse(host.address, scan_bytes(chain, scan_items(n_lines=60, n_samples=2000))))
    assert text.startswith("node probe_gadgets failed: ")
    assert reason in text


def test_a_module_that_cannot_be_imported_is_named(host):
    chain = chain_xml("pass_on", module="no_such_module")
    text = reason_of(converse(host.address, scan_bytes(chain)))
    assert text == "node no_such_module failed: exit code 1: ModuleNotFoundError: No module named 'no_such_module'"


def test_a_node_that_does_not_exit_is_ended_and_named(host, monkeypatch):
    monkeypatch.setattr(pipelines.host.nodes.node_process, "EXIT_LIMIT_S", 0.5)
    text = reason_of(converse(host.address, scan_bytes(chain_xml("linger_after_close"))))
    assert "did not exit within 0.5 s after its CLOSE" in text


def test_nobody_at_an_address_is_reported(host, monkeypatch):
    monkeypatch.setattr(pipelines.host.nodes.node_socket, "CONNECT_PAUSE_S", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    chain = chain_xml(f'<external><connect address="127.0.0.1" port="{port}"/></external>', "pass_on")
    assert f"node 127.0.0.1:{port}: nobody answers there" in reason_of(converse(host.address, scan_bytes(chain)))


BAD_BEGINNINGS = {
    "unknown name": (filename_message("no_such_config.xml").data, "unknown pipeline 'no_such_config.xml'"),
    "malformed XML": (text_message(MessageID.CONFIG, "<configuration").data, "not well-formed XML"),
    "unknown property": (
        text_message(
            MessageID.CONFIG,
            chain_xml(
                "spark_detection",
                module="gadgets.spark_detection",
                configuration='<configuration><property name="sharpness" value="1"/></configuration>',
            ),
        ).data,
        "unknown property 'sharpness'",
    ),
    "no configuration": (b"", "expected a configuration .* before the HEADER"),
    "unknown id": (b"\x67\x12", "unknown message id 4711"),
}


@pytest.mark.parametrize(("beginning", "reason"), BAD_BEGINNINGS.values(), ids=BAD_BEGINNINGS)
def test_a_scan_that_cannot_begin_is_refused_with_the_reason(host, beginning, reason):
    rest = scan_bytes(CLOSE, scan_items(n_lines=60, n_samples=2000))[2:]
    text = reason_of(converse(host.address, bytes(beginning) + rest))
    assert re.search(reason, text), text


@pytest.mark.parametrize(
    ("header", "reason"), [(b"<ismrmrdHeader", "not well-formed"), (b"<a/>", "another root"), (b"", "not well-formed")]
)
def test_a_header_that_does_not_parse_is_refused(host, header, reason):
    text = reason_of(converse(host.address, scan_bytes(chain_xml("pass_on"), header=header)))
    assert text.startswith("client: ")
    assert reason in text


def test_data_before_a_header_and_data_without_a_reader_are_refused(host):
    data = bytes(data_message(MessageID.ACQUISITION, raw_acquisition().to_bytes()).data)
    assert "expected a configuration and a HEADER before any data" in reason_of(converse(host.address, data))
    image = b"\xfe\x03" + bytes([1, 0, 5, 0]) + b"\0" * 194 + b"\0" * 8
    text = reason_of(converse(host.address, scan_bytes(chain_xml("pass_on"), [], close=image)))
    assert "has no reader for IMAGE" in text


def test_a_stream_that_is_cut_is_reported_where(host):
    whole = scan_bytes(chain_xml("pass_on"))
    text = reason_of(converse(host.address, whole[:-300], half_close=True))
    assert "client: connection ended in the middle of message 11 (ACQUISITION)" in text
    text = reason_of(converse(host.address, whole[:-2], half_close=True))
    assert "without a CLOSE" in text
