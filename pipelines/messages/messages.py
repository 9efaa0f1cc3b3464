"""The Gadgetron protocol as messages: an id, and a body whose length follows from its own beginning.

Nothing here interprets the data: a message can be sent on as it came. All integers are little endian.
:mod:`pipelines.messages.message_reader` reads messages from a socket.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from gadgets.errors import WireError
from gadgets.outside import printable

# The field has this length whatever the name, filled up with zeros.
FILENAME_BYTES = 1024

_U16, _U32, _U64 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")


class MessageID(IntEnum):
    """The ids of the protocol."""

    FILENAME = 1
    CONFIG = 2
    HEADER = 3
    CLOSE = 4
    TEXT = 5
    QUERY = 6
    RESPONSE = 7
    ERROR = 8
    ACQUISITION = 1008
    IMAGE = 1022
    RECONDATA = 1023
    IMAGE_ARRAY = 1024
    WAVEFORM = 1026
    BUCKET = 1050


class Message(NamedTuple):
    """A whole message: ``data`` are all its bytes, the two of the id included."""

    id: MessageID
    data: bytes | bytearray

    @property
    def body(self) -> bytes:
        """Everything behind the id."""
        return bytes(memoryview(self.data)[2:])

    @property
    def content(self) -> str:
        """What a FILENAME, TEXT, QUERY, RESPONSE or ERROR holds, as it came."""
        # Id and what stands before the text: nothing, a length, or numbers and a length.
        skipped = {MessageID.FILENAME: 2, MessageID.QUERY: 26, MessageID.RESPONSE: 18, MessageID.ERROR: 10}
        return bytes(self.data[skipped.get(self.id, 6) :]).partition(b"\0")[0].decode("utf-8", "replace")

    @property
    def text(self) -> str:
        """The same as it can be shown; its lines can be told apart."""
        return printable(self.content, keep="\n")


CLOSE = Message(MessageID.CLOSE, _U16.pack(MessageID.CLOSE))


def text_message(kind: MessageID, text: str | bytes) -> Message:
    """Make a CONFIG, HEADER, TEXT (length of 32 bits) or ERROR (64 bits) message."""
    body = text.encode() if isinstance(text, str) else text
    # Of these, ERROR alone has a length of 64 bits in Gadgetron's protocol.
    length = _U64 if kind is MessageID.ERROR else _U32
    return Message(kind, _U16.pack(kind) + length.pack(len(body)) + body)


def filename_message(name: str) -> Message:
    """Make a FILENAME message: the name of a configuration that the server has."""
    body = name.encode()
    # One byte less than the field, which ends with a zero.
    if len(body) >= FILENAME_BYTES:
        raise WireError(f"a configuration's name holds at most {FILENAME_BYTES - 1} bytes, found {len(body)}")
    return Message(MessageID.FILENAME, _U16.pack(MessageID.FILENAME) + body.ljust(FILENAME_BYTES, b"\0"))


def response_message(query: Message, answer: str) -> Message:
    """Answer a QUERY, under its own correlation id."""
    # Behind the id (2 bytes) and a reserved number (8).
    correlation = bytes(query.data[10:18])
    body = answer.encode()
    return Message(MessageID.RESPONSE, _U16.pack(MessageID.RESPONSE) + correlation + _U64.pack(len(body)) + body)


def data_message(kind: MessageID, body: bytes) -> Message:
    """Put an id in front of a body."""
    return Message(kind, _U16.pack(kind) + body)
