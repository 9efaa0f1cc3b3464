"""The framing of messages: recorded sessions, hostile lengths, lost peers."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import tracemalloc

import pytest
from helpers.raw_scans import raw_acquisition, raw_waveform
from hypothesis import given, settings
from hypothesis import strategies as st

from gadgets.errors import PeerLostError, WireError
from pipelines.messages.message_reader import MessageReader
from pipelines.messages.messages import CLOSE, MessageID, data_message, filename_message, response_message, text_message

# Recorded with messages that were cut, or that their own headers contradict.
INCOMPLETE = (
    "e1_unknown_config_name.server_to_client",
    "k4_traj_after_ro_desync.ext_gtprobe.passthru.server_to_external",
)


def read_all(content: bytes, *, limit: int = 1 << 30):
    """All messages in some bytes, and the error with which they end."""
    ours, theirs = socket.socketpair()

    def feed():
        with ours, contextlib.suppress(OSError):
            ours.sendall(content)

    thread = threading.Thread(target=feed)
    thread.start()
    messages = []
    with theirs:
        theirs.settimeout(30)
        reader = MessageReader(theirs, "peer", limit)
        try:
            while True:
                messages.append(reader.read())
        except WireError as error:
            failure = error
    thread.join(30)
    return messages, failure


def test_recorded_sessions_are_framed_to_the_last_byte(transcripts_folder):
    kinds = set()
    for path in sorted(transcripts_folder.glob("*.bin")):
        if path.stem in INCOMPLETE:
            continue
        content = path.read_bytes()
        messages, failure = read_all(content)
        assert b"".join(bytes(message.data) for message in messages) == content, path.name
        assert isinstance(failure, PeerLostError), path.name
        kinds |= {message.id for message in messages}
    assert kinds == set(MessageID)


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_message_that_is_cut_says_where(cut):
    content = bytes(text_message(MessageID.CONFIG, "<configuration/>").data)[:cut]
    messages, failure = read_all(bytes(CLOSE.data) + content)
    complete = cut >= 22
    assert len(messages) == 1 + complete
    assert isinstance(failure, PeerLostError)
    assert ("without a CLOSE" if complete else "in the middle of message 2") in str(failure)


HUGE = 1 << 62
HOSTILE = {
    "text": struct.pack("<HI", 2, 0xFFFFFFFF),
    "error": struct.pack("<HQ", 8, HUGE),
    "query": struct.pack("<HQQQ", 6, 0, 0, HUGE),
    "array dimensions": struct.pack("<HQQ", 1023, 1, HUGE),
    "array size": struct.pack("<HQQQQQ", 1023, 1, 3, 1 << 30, 1 << 30, 1 << 30),
    "image array": struct.pack("<HQQ", 1024, 1, HUGE),
    "bucket": struct.pack("<H13Q", 1050, *[HUGE] * 13),
    "image": struct.pack("<H", 1022)
    + bytes([1, 0, 8, 0])
    + b"\0" * 12
    + b"\xff" * 6
    + b"\0" * 12
    + b"\xff" * 2
    + b"\0" * 168,
    "image type": struct.pack("<H", 1022) + b"\0" * 198 + struct.pack("<Q", 0),
    "unknown id": struct.pack("<H", 4711),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_declared_sizes_are_refused_before_anything_is_allocated(content):
    tracemalloc.start()
    messages, failure = read_all(content + b"\0" * 400, limit=1 << 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert messages == []
    assert not isinstance(failure, PeerLostError)
    assert peak < 8 << 20


def test_a_count_of_many_small_parts_ends_with_the_bytes():
    messages, failure = read_all(struct.pack("<HQ", 1023, HUGE) + b"\0" * 10_000)
    assert messages == []
    assert isinstance(failure, WireError)


def test_many_parts_within_limits_of_their_own_do_not_pass_the_limit_of_the_message():
    arrays = 2 * struct.pack("<2Q", 1, 0)
    metas = struct.pack("<Q", 100) + 100 * (struct.pack("<Q", 1000) + bytes(1000))
    _, failure = read_all(struct.pack("<H", 1024) + arrays + metas, limit=10_000)
    assert "IMAGE_ARRAY message 1 declares 1000 more bytes, expected at most " in str(failure)


@given(content=st.binary(max_size=600), kind=st.sampled_from(sorted(MessageID)))
@settings(max_examples=150, deadline=None)
def test_any_bytes_end_in_messages_and_an_error(content, kind):
    content = struct.pack("<H", kind) + content
    messages, _ = read_all(content)
    assert content.startswith(b"".join(bytes(message.data) for message in messages))


def test_messages_keep_their_bytes_and_texts():
    items = [
        filename_message("chain.xml"),
        text_message(MessageID.HEADER, "<ismrmrdHeader/>"),
        data_message(MessageID.ACQUISITION, raw_acquisition(n_trajectory=2).to_bytes()),
        data_message(MessageID.WAVEFORM, raw_waveform().to_bytes()),
        text_message(MessageID.ERROR, "ü"),
        CLOSE,
    ]
    messages, _ = read_all(b"".join(bytes(item.data) for item in items))
    assert messages == items
    assert [messages[number].text for number in (0, 1, 4)] == ["chain.xml", "<ismrmrdHeader/>", "ü"]


def test_a_query_is_answered_as_recorded(transcripts_folder):
    query = read_all((transcripts_folder / "t03_query_version.client_to_server.bin").read_bytes())[0][0]
    answer = (transcripts_folder / "t03_query_version.server_to_client.bin").read_bytes()
    assert query.text == "gadgetron::version"
    assert bytes(response_message(query, "4.7.2").data) + bytes(CLOSE.data) == answer


def test_a_name_too_long_for_its_field_is_refused():
    with pytest.raises(WireError, match="at most 1023 bytes, found 2000"):
        filename_message("x" * 2000)


def test_silence_beyond_the_time_limit_is_reported():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(0.05)
        with pytest.raises(PeerLostError, match=r"nothing came for 0.05 s"):
            MessageReader(theirs, "peer").read()
