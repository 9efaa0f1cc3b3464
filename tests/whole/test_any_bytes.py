"""Whatever comes from outside is read, or refused with a reason of ours: never a traceback, a hang or a wrong size."""

from __future__ import annotations

import io
import struct
from functools import partial

import pytest
from helpers.connections import parse
from helpers.raw_scans import HEADER, chain_xml, scan_bytes, scan_items
from hypothesis import given, settings
from hypothesis import strategies as st

from gadgets.errors import DesparkError, PeerLostError, WireError
from gadgets.outside import XMLError, parse_xml
from gadgets.settings import properties_of
from pipelines.chains import OURS, parse_chain
from pipelines.files import mended, read_header
from pipelines.messages import MessageID, MessageReader, data_message, text_message

EXAMPLES = settings(max_examples=100)
MOST_BYTES = 1 << 20

IDS = st.sampled_from([*MessageID, 0, 9, 4711, 65535]).map(lambda number: struct.pack("<H", number))
# Counts as they are, nearly right, and beyond all reason.
LARGE = [255, 65535, 1 << 31, (1 << 32) - 1, 1 << 40, 1 << 63, (1 << 64) - 1]
COUNTS = st.one_of(st.integers(0, 9), st.sampled_from(LARGE))
PIECES = st.one_of(
    IDS,
    COUNTS.map(lambda count: struct.pack("<Q", count)),
    COUNTS.map(lambda count: struct.pack("<I", count & 0xFFFFFFFF)),
    st.binary(max_size=400),
    st.just(bytes(340)),
)
STREAMS = st.lists(PIECES, max_size=12).map(b"".join)
WHOLE = scan_bytes(chain_xml("pass_on"), scan_items(n_lines=3))


class Bytes:
    """A source that gives bytes in pieces of any size, and counts what is asked for."""

    def __init__(self, content):
        self._stream = io.BytesIO(content)

    def recv(self, size):
        return self._stream.read(min(size, 1000))

    def gettimeout(self):
        return None

    def fileno(self):
        return -1


def read_all(content):
    """Give the messages that can be read, and why there are no more."""
    reader, messages = MessageReader(Bytes(content), "somebody", MOST_BYTES), []
    while True:
        try:
            messages.append(reader.read())
        except WireError as error:
            return messages, error


def bytes_of(messages):
    return b"".join(bytes(message.data) for message in messages)


def refusal(function, *arguments):
    """Say why something was refused; empty where it was not. Any error but ours goes on."""
    try:
        function(*arguments)
    except (DesparkError, XMLError) as error:
        return str(error) or "a refusal without a reason"
    return ""


@EXAMPLES
@given(STREAMS)
def test_messages_of_any_bytes_end_with_a_reason_and_none_is_lost(content):
    messages, reason = read_all(content)
    assert content.startswith(bytes_of(messages))
    assert str(reason).startswith(("somebody: ", "image: ", "array: "))


@EXAMPLES
@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=9))
def test_messages_with_some_bytes_changed_are_read_or_refused(position, change):
    content = WHOLE[:position] + change + WHOLE[position + len(change) :]
    messages, _ = read_all(content)
    assert content.startswith(bytes_of(messages))


@given(st.integers(0, len(WHOLE)))
def test_a_stream_that_is_cut_anywhere_gives_all_whole_messages_before(position):
    messages, reason = read_all(WHOLE[:position])
    assert isinstance(reason, PeerLostError)
    assert messages == read_all(WHOLE)[0][: len(messages)]


@EXAMPLES
@given(STREAMS)
def test_a_node_reads_any_bytes_or_refuses_them(content):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESPARK_MEMORY_LIMIT", "0.001")
        assert refusal(partial(parse, as_node=True), content) != "a refusal without a reason"


@given(st.lists(st.sampled_from(scan_items(n_lines=4)), max_size=5))
def test_messages_come_back_as_they_were_written(items):
    kinds = [data_message(MessageID.ACQUISITION, item.to_bytes()) for item in items]
    assert read_all(bytes_of(kinds))[0] == kinds


ELEMENTS = ["configuration", "stream", "external", "execute", "connect", "property", "readers", "reader", "classname"]
NAMES = st.sampled_from(ELEMENTS)
VALUES = st.one_of(
    st.sampled_from(["gadgets.raw_repair", "raw_repair", "python", "9014", "127.0.0.1", "models", "/tmp", "0", "-1"]),
    st.text(st.characters(categories=("L", "N")), max_size=5),
)
KEYS = st.sampled_from(["name", "target", "type", "port", "address", "value"])
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=4)


def element(children):
    def write(parts):
        name, attributes, inner = parts
        listed = "".join(f' {key}="{value}"' for key, value in attributes.items())
        return f"<{name}{listed}>{''.join(inner)}</{name}>"

    return st.tuples(NAMES, ATTRIBUTES, st.lists(children, max_size=3)).map(write)


DOCUMENTS = element(st.recursive(VALUES, element, max_leaves=20))
CHAINS = st.lists(element(element(VALUES)), max_size=4).map(
    lambda nodes: f"<configuration><stream>{''.join(nodes)}</stream></configuration>"
)


@EXAMPLES
@given(st.one_of(DOCUMENTS, CHAINS, st.text(max_size=50)))
def test_a_chain_of_any_elements_is_read_or_refused(text):
    chains = []

    def as_the_host_does():
        chain = parse_chain(text.encode(), "somebody")
        chain.check_runnable()
        OURS.check_chain(chain)
        chain.check_settings()
        chains.append(chain)

    refusal(as_the_host_does)
    # What a client may have run is ours, or at a worker's port.
    assert all(node.is_ours or node.address for chain in chains for node in chain.nodes)


@EXAMPLES
@given(st.one_of(DOCUMENTS.map(str.encode), st.binary(max_size=100)))
def test_a_configuration_of_any_bytes_is_read_or_refused(content):
    reason = refusal(properties_of, content, "raw_repair")
    assert not reason or reason.startswith("raw_repair: ")


@EXAMPLES
@given(st.integers(0, len(HEADER) - 1), st.binary(max_size=6), st.integers(0, 6))
def test_a_header_with_some_bytes_changed_is_read_or_refused(position, change, n_replaced):
    content = HEADER[:position] + change + HEADER[position + n_replaced :]
    reason = refusal(read_header, content, "somebody")
    assert reason.startswith("somebody: ") if reason else read_header(mended(content, "somebody"), "somebody").encoding


@EXAMPLES
@given(st.one_of(st.binary(max_size=200), DOCUMENTS.map(str.encode), st.text(max_size=100)))
def test_xml_of_any_bytes_is_read_or_refused(content):
    reason = refusal(parse_xml, content)
    assert not reason or reason.startswith(("not well-formed XML (", "larger than XML from outside may be ("))


def test_a_text_is_read_whatever_it_holds():
    (message,), _ = read_all(bytes(text_message(MessageID.TEXT, b"\xff\x1b[2J\x00more").data))
    assert message.text == "\ufffd\\x1b[2J"
