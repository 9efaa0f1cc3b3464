"""Bytes in, values, and the same bytes out."""

import struct

import pytest
from helpers.builders import CLOSE, acquisition, encoding, header_xml, message, waveform
from helpers.connections import parse, run_on_connection
from helpers.foreign_messages import bucket, image, image_array, recon_data, u64

from gadgets.errors import PeerLostError, WireError
from gadgets.wire import attach


def echo(connection):
    attach(connection)
    for item in connection:
        connection.send(item)


def stream_of(content: bytes) -> bytes:
    header = header_xml([encoding()])
    config = b"<configuration/>"
    start = struct.pack("<HI", 2, len(config)) + config + struct.pack("<HI", 3, len(header)) + header
    return start + content


MESSAGES = {
    "acquisition": message(acquisition()),
    "acquisition with trajectory": message(acquisition(n_trajectory=2)),
    "acquisition without samples": message(acquisition(n_samples=0)),
    "waveform": message(waveform()),
    "waveform without samples": message(waveform(n_samples=0)),
    "large waveform": message(waveform(n_samples=65535, n_channels=3)),
    "image": image(),
    "complex image": image(8),
    "image array": image_array(),
    "bucket": bucket(),
    "recon data": recon_data(),
    "recon data without bits": struct.pack("<H", 1023) + u64(0),
}


@pytest.mark.parametrize("content", MESSAGES.values(), ids=MESSAGES.keys())
def test_messages_pass_byte_for_byte(content):
    assert run_on_connection(echo, stream_of(content * 3 + CLOSE)) == content * 3 + CLOSE


@pytest.mark.parametrize("content", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_stream_cut_off_anywhere_is_a_lost_peer(content):
    for length in {1, 2, 3, 100, len(content) // 2, len(content) - 1} & set(range(len(content))):
        with pytest.raises(PeerLostError, match="ended without CLOSE"):
            parse(content[:length])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (struct.pack("<H", 55344), "found message id 55344"),
        (struct.pack("<HI", 5, 4) + b"oops", "error message: oops"),
        (struct.pack("<HQ", 8, 4) + b"oops", "error message: oops"),
        (struct.pack("<HQ", 8, 1 << 60), "overlong"),
        (struct.pack("<H", 1023) + u64(1 << 60), "at most 65536 bits"),
        (struct.pack("<H", 1023) + u64(1, 1 << 60), "at most 16 dimensions"),
        (struct.pack("<H", 1023) + u64(1, 7, *[1 << 40] * 7), "found dimensions"),
        (struct.pack("<H", 1050) + u64(*[1 << 50] * 13), "a bucket of at most"),
        (struct.pack("<H", 1022) + bytes(198) + u64(1 << 50), "image meta data"),
        (image(9), "data type 1 to 8, found 9"),
        (struct.pack("<H", 1024) + u64(1, 0) + u64(1, 0) + u64(1 << 50), "elements in an image array"),
        (struct.pack("<H", 1024) + u64(1, 0) + u64(1, 0) + u64(1, 1 << 60), "in one array"),
    ],
)
def test_what_is_not_in_the_protocol_is_an_error(content, complaint):
    with pytest.raises(WireError, match=complaint):
        parse(content, as_node=True)


def test_a_large_count_fails_at_the_end_of_the_stream_and_not_in_the_memory():
    with pytest.raises(PeerLostError, match="short of a whole message"):
        parse(struct.pack("<H", 1023) + u64(1, 1, 1 << 24) + bytes(1000))


def test_an_array_beyond_the_memory_of_a_scan_is_refused(monkeypatch):
    monkeypatch.setenv("DESPARK_MEMORY_LIMIT", "0.001")
    with pytest.raises(WireError, match="expected an array of at most 1073741 bytes, found dimensions"):
        parse(struct.pack("<H", 1023) + u64(1, 1, 1 << 18) + bytes(1000))


def test_many_arrays_in_one_message_are_no_way_round_the_memory_of_a_scan(monkeypatch):
    monkeypatch.setenv("DESPARK_MEMORY_LIMIT", "0.001")
    array = u64(1, 1 << 16) + bytes(8 << 16)
    buffer = array + b"\0\0" + u64(1, 0) + bytes(56) + b"\0"
    with pytest.raises(WireError, match="expected a message of at most 1073741 bytes, found a longer one"):
        parse(struct.pack("<H", 1023) + u64(50) + 50 * buffer)
