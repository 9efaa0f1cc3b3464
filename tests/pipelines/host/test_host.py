"""The embedded host: whole sessions with real node processes, and what becomes of failures."""

from __future__ import annotations

import socket
import threading
import time

import numpy as np
import pytest
from helpers.raw_scans import (
    HEADER,
    LIMIT_S,
    chain_xml,
    converse,
    raw_waveform,
    reason_of,
    scan_bytes,
    scan_items,
)

from gadgets.errors import PipelineError
from pipelines.host.host import Host
from pipelines.messages.messages import CLOSE, MessageID, filename_message, text_message

pytestmark = pytest.mark.usefixtures("probes")


def bodies(messages):
    return [message.body for message in messages[:-1]]


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


def test_a_header_that_would_kill_the_nodes_is_mended(host):
    wave = b"<waveformInformation><waveformName>a</waveformName><waveformType>ecg</waveformType></waveformInformation>"
    header = HEADER.replace(b"</ismrmrdHeader>", wave + b"</ismrmrdHeader>")
    assert len(converse(host.address, scan_bytes(chain_xml("pass_on"), header=header))) == 10


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
