"""The client, against a server that plays recorded bytes."""

from __future__ import annotations

import errno
import socket
import struct

import pytest
from helpers.raw_scans import HEADER, Player, scan_items

from gadgets.errors import NodeError, PeerLostError, RawDataError, WireError
from pipelines.messages.addresses import parse_address
from pipelines.messages.messages import CLOSE, MessageID, filename_message, text_message
from pipelines.replay.client import MOST_REASONS, ScanClient, connect

OPENING = (filename_message("default.xml"), text_message(MessageID.HEADER, HEADER))


def run(player, items=None):
    returned, sent = [], []
    with player, connect(player.address) as connection:
        try:
            ScanClient(connection, OPENING, scan_items() if items is None else items, sent.append).run(returned.append)
        finally:
            connection.close()
    return returned, sent


def recorded(folder, case):
    return (folder / f"{case}.server_to_client.bin").read_bytes()


def test_a_scan_is_sent_as_the_stock_client_sends_it(transcripts_folder):
    player = Player(recorded(transcripts_folder, "t01_config_name_default"))
    items = scan_items()
    returned, sent = run(player, items)
    assert sent == items
    kinds = [message.id for message in player.received]
    assert kinds == [MessageID.FILENAME, MessageID.HEADER, *[MessageID.ACQUISITION] * 9, MessageID.CLOSE]
    assert [message.body for message in player.received[2:-1]] == [item.to_bytes() for item in items]
    assert [message.id for message in returned] == [MessageID.IMAGE]


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("e1b_unknown_config_no_data", "the server reports: .*Error reading from file/stream"),
        ("e3_external_sends_error8", "the server reports: .*Errors received: . probe ERROR message id 8"),
        ("e4_external_exits_no_close", "Received illegal message id from external peer: 1"),
        ("e5_external_raises_mid", "the server reports: "),
    ],
)
def test_what_a_gadgetron_reports_is_raised(transcripts_folder, case, reason):
    with pytest.raises(NodeError, match=reason):
        run(Player(recorded(transcripts_folder, case)))


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("e1_unknown_config_name", "server: connection ended in the middle of message 1"),
        ("e7_gadget_dll_missing", "server: connection ended after 0 messages, without a CLOSE"),
    ],
)
def test_a_gadgetron_that_goes_away_is_noticed(transcripts_folder, case, reason):
    with pytest.raises(PeerLostError, match=reason):
        run(Player(recorded(transcripts_folder, case)))


def test_a_server_that_closes_before_all_is_sent_is_noticed(monkeypatch):
    monkeypatch.setattr("pipelines.replay.client._JOIN_S", 0.5)
    sending = iter(scan_items())

    def slowly():
        yield next(sending)
        stop.wait(5)
        yield from sending

    import threading

    stop = threading.Event()
    with pytest.raises(WireError, match="ended the scan before all of it was sent"):
        run(Player(bytes(CLOSE.data), read_first=False), slowly())
    stop.set()


def test_a_server_that_hangs_up_is_noticed():
    with pytest.raises(PeerLostError, match="server: connection"):
        run(Player(b"", close_at_once=True), scan_items(n_lines=200, n_samples=5000))


def test_a_source_that_fails_is_the_error_that_is_raised():
    def items():
        yield from scan_items()
        raise RawDataError("raw.h5: damaged from element 10 on")

    with pytest.raises(RawDataError, match="damaged from element 10"):
        run(Player(bytes(CLOSE.data)), items())


def test_a_source_for_which_the_system_has_nothing_left_is_not_waited_for():
    def items():
        yield from scan_items()
        raise OSError(errno.EMFILE, "Too many open files")

    with pytest.raises(PeerLostError, match="Too many open files"):
        run(Player(bytes(CLOSE.data)), items())


def test_a_text_that_comes_while_sending_is_the_reason():
    text = bytes(text_message(MessageID.TEXT, "out of\n  memory\n").data) + bytes(CLOSE.data)
    with pytest.raises(NodeError, match=r"the server reports: out of \| memory"):
        run(Player(text, read_first=False), scan_items(n_lines=200, n_samples=5000))


def test_of_reasons_without_end_some_are_given():
    texts = b"".join(bytes(text_message(MessageID.TEXT, f"<{number}>").data) for number in range(5 * MOST_REASONS))
    with pytest.raises(NodeError) as raised:
        run(Player(texts + bytes(CLOSE.data), read_first=False))
    assert str(raised.value).count("<") == MOST_REASONS


def test_an_error_message_counts_like_a_text():
    error = struct.pack("<HQ", 8, 4) + b"oops" + bytes(CLOSE.data)
    with pytest.raises(NodeError, match="the server reports: oops"):
        run(Player(error))


def test_nobody_there_is_one_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(WireError, match=rf"no Gadgetron at 127\.0\.0\.1:{port} \(Connection refused\)"):
        connect(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("text", "address"),
    [("localhost:9002", ("localhost", 9002)), ("[::1]:80", ("::1", 80)), ("10.0.0.1:65535", ("10.0.0.1", 65535))],
)
def test_addresses_are_read(text, address):
    assert parse_address(text, "--host") == address


@pytest.mark.parametrize("text", ["localhost", "localhost:", ":9002", "localhost:port", "localhost:0", "a:70000"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(WireError, match="expected HOST:PORT, such as localhost:9002, found"):
        parse_address(text, "--host")
