"""The embedded host: whole sessions with real node processes, and what becomes of failures."""

from __future__ import annotations

import os
import re
import socket
import threading
import time

import numpy as np
import pytest
from helpers.connections import wait_until
from helpers.paths import PROBES
from helpers.raw_scans import (
    HEADER,
    LIMIT_S,
    chain_xml,
    converse,
    raw_acquisition,
    raw_waveform,
    scan_bytes,
    scan_items,
)

import pipelines.host.connections
import pipelines.host.nodes.node_process
import pipelines.host.nodes.node_socket
from gadgets.errors import PipelineError
from pipelines.chains import EVERYTHING
from pipelines.host import ServerLimits
from pipelines.host.host import Host
from pipelines.messages.message_reader import MessageReader
from pipelines.messages.messages import CLOSE, MessageID, data_message, filename_message, text_message


@pytest.fixture(autouse=True)
def _probes(monkeypatch):
    """Let node processes import the probe gadgets."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(PROBES), os.environ.get("PYTHONPATH", "")])))


@pytest.fixture
def host():
    with Host(trust=EVERYTHING) as running:
        yield running


def bodies(messages):
    return [message.body for message in messages[:-1]]


def reason_of(messages):
    """The text with which a scan failed; no images or acquisitions count then."""
    assert [message.id for message in messages[-2:]] == [MessageID.TEXT, MessageID.CLOSE]
    return messages[-2].text


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_items_come_back_in_order_through_several_nodes(host):
    items = scan_items(n_lines=40)
    items[5:5] = [raw_waveform(scan_counter=3)]
    chain = chain_xml("pass_on", "chatter", "pass_on", writes=("AcquisitionWriter", "WaveformWriter"))
    assert bodies(converse(host.address, scan_bytes(chain, items))) == [item.to_bytes() for item in items]


def test_messages_without_a_writer_end_at_the_end_of_the_chain(host):
    items = [raw_waveform(), *scan_items(), raw_waveform()]
    assert bodies(converse(host.address, scan_bytes(chain_xml("pass_on"), items))) == [
        item.to_bytes() for item in scan_items()
    ]


def test_what_a_node_does_not_accept_goes_round_it(host):
    node = (
        '<external><execute name="probe_gadgets" target="raise_in_the_middle" type="python"/>'
        "<writers><writer><classname>WaveformWriter</classname></writer></writers></external>"
    )
    items = [raw_waveform(), *scan_items(), raw_waveform()]
    chain = chain_xml(node, writes=("AcquisitionWriter", "WaveformWriter"))
    returned = bodies(converse(host.address, scan_bytes(chain, items)))
    assert sorted(returned) == sorted(item.to_bytes() for item in items)


def test_gadgetrons_own_example_makes_the_recorded_image(host, transcripts_folder):
    sent = (transcripts_folder / "a_recon_acquisitions.client_to_server.bin").read_bytes()
    recorded = (transcripts_folder / "a_recon_acquisitions.server_to_client.bin").read_bytes()
    image, close = converse(host.address, sent)
    assert (image.id, close.id) == (MessageID.IMAGE, MessageID.CLOSE)
    ours, theirs = (np.frombuffer(bytes(content)[208:16592], np.float32) for content in (image.data, recorded))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * theirs.max())


@pytest.mark.parametrize("case", ["t01_config_name_default", "t02_config_local_plain"])
@pytest.mark.parametrize("pipeline", ["spark_calibration.xml", "repair_raw"])
def test_a_stock_clients_bytes_are_understood(host, transcripts_folder, case, pipeline):
    """The recorded stream, its configuration exchanged for one of ours: by name or by content."""
    recorded = (transcripts_folder / f"{case}.client_to_server.bin").read_bytes()
    by_name = case.startswith("t01")
    rest = recorded[1026:] if by_name else recorded[6 + int.from_bytes(recorded[2:6], "little") :]
    chain = packaged_without_models(pipeline)
    configuration = filename_message(pipeline) if by_name else text_message(MessageID.CONFIG, chain)
    if by_name:
        # By name the models that are installed are used; the session is what counts here.
        assert converse(host.address, bytes(configuration.data) + rest)[-1].id is MessageID.CLOSE
        return
    messages = converse(host.address, bytes(configuration.data) + rest)
    expected = [MessageID.IMAGE] if "calibration" in pipeline else [MessageID.ACQUISITION] * 65
    assert [message.id for message in messages] == [*expected, MessageID.CLOSE]


def packaged_without_models(pipeline):
    from pipelines.chains.packaged import packaged_chain

    return packaged_chain(pipeline).with_settings(["spark_detection.method=none"]).xml


def test_the_recorded_query_is_answered(host, transcripts_folder):
    messages = converse(host.address, (transcripts_folder / "t03_query_version.client_to_server.bin").read_bytes())
    assert [message.id for message in messages] == [MessageID.RESPONSE, MessageID.CLOSE]
    assert messages[0].text.startswith("4.7.2 (despark ")
    recorded = (transcripts_folder / "t03_query_version.server_to_client.bin").read_bytes()
    assert messages[0].data[:10] == recorded[:10]


def test_a_client_that_only_closes_gets_a_close(host):
    assert [message.id for message in converse(host.address, bytes(CLOSE.data))] == [MessageID.CLOSE]


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


def test_a_running_process_is_joined(host):
    from gadgetron.external.connection import Connection
    from helpers.probe_gadgets import pass_on

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with Connection(listener.accept()[0]) as connection:
                pass_on(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        chain = chain_xml(f'<external><connect address="127.0.0.1" port="{listener.getsockname()[1]}"/></external>')
        assert len(converse(host.address, scan_bytes(chain))) == 10
        thread.join(LIMIT_S)


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


def test_a_header_that_would_kill_the_nodes_is_mended(host):
    wave = b"<waveformInformation><waveformName>a</waveformName><waveformType>ecg</waveformType></waveformInformation>"
    header = HEADER.replace(b"</ismrmrdHeader>", wave + b"</ismrmrdHeader>")
    assert len(converse(host.address, scan_bytes(chain_xml("pass_on"), header=header))) == 10


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


def test_an_address_of_the_newer_kind_is_listened_on():
    if not socket.has_dualstack_ipv6():
        pytest.skip("needs IPv6: this machine has none")
    with Host("::1") as host:
        assert [message.id for message in converse(host.address, bytes(CLOSE.data))] == [MessageID.CLOSE]


def test_several_clients_are_served_at_once_and_one_after_another(host):
    results = {}

    def run(number, target):
        items = scan_items(n_lines=10, seed=number)
        results[number] = (items, converse(host.address, scan_bytes(chain_xml(target), items)))

    for _ in range(2):
        threads = [
            threading.Thread(target=run, args=(number, "kill_itself" if number == 1 else "pass_on"))
            for number in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_S)
        for number in (0, 2):
            items, messages = results[number]
            assert bodies(messages) == [item.to_bytes() for item in items]
        assert "killed by SIGKILL" in reason_of(results[1][1])


def test_a_slow_client_is_waited_for_and_nothing_piles_up(host):
    items = scan_items(n_lines=300, n_samples=20_000)
    content = scan_bytes(chain_xml("pass_on", "pass_on"), items)
    with socket.create_connection(host.address, timeout=LIMIT_S) as client:
        sender = threading.Thread(target=client.sendall, args=(content,))
        sender.start()
        time.sleep(2.0)
        # Far more was sent than socket buffers hold; as nobody reads, the sender has to wait.
        assert sender.is_alive()
        received = 0
        while chunk := client.recv(1 << 20):
            received += len(chunk)
        sender.join(LIMIT_S)
    assert received == sum(len(item.to_bytes()) + 2 for item in items) + 2


def test_nodes_get_their_configuration_and_print_nothing_here(host, tmp_path, monkeypatch, capfd):
    target = tmp_path / "configuration"
    monkeypatch.setenv("PROBE_CONFIGURATION_FILE", str(target))
    configuration = '<configuration><property name="a" value="b"/></configuration>'
    chain = chain_xml("write_configuration", configuration=configuration)
    assert len(converse(host.address, scan_bytes(chain))) == 10
    assert (
        target.read_bytes()
        == b'<?xml version="1.0"?>\n<configuration><property name="a" value="b" /></configuration>\n'
    )
    converse(host.address, scan_bytes(chain_xml("chatter")))
    assert capfd.readouterr().out == ""


def test_an_address_in_use_is_an_error(host):
    with pytest.raises(PipelineError, match=f"cannot listen on 127.0.0.1:{host.address[1]}"):
        Host(port=host.address[1])


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
