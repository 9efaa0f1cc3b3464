"""Reads whole messages from a socket: how long each one is, told from its own beginning.

Lengths and counts that the other side declares are believed only as far as bytes arrive: memory grows with what
was received, never with what was promised.
"""

from __future__ import annotations

import select
import struct
from collections.abc import Callable
from typing import Protocol

import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype, image_header_dtype, waveform_header_dtype

from gadgets.errors import PeerLostError, WireError
from gadgets.outside import MAX_XML_BYTES, Pace, memory_limit
from pipelines.messages.messages import FILENAME_BYTES, Message, MessageID

# No text or array of a scan comes near these; a damaged count nearly always passes them.
MAX_TEXT_BYTES = 1 << 20
MAX_DIMENSIONS = 32
RECEIVE_BYTES = 256 << 10

_U16, _U32, _U64 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")
# The size of a sampling description, and of a pixel by MRD's data types 1 to 8.
_SAMPLING_BYTES = 56
_IMAGE_ITEM_BYTES = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4, 6: 8, 7: 8, 8: 16}
_BUCKET = struct.Struct("<13Q")
# Of the bucket's 13 numbers, those that are sizes in bytes; the other three count headers.
_BUCKET_SIZES = (1, 2, 3, 5, 6, 7, 8, 9, 11, 12)


class Source(Protocol):
    """What bytes come from: a connected socket, or something that behaves like one."""

    def recv(self, bufsize: int, /) -> bytes:
        """Give bytes as soon as there are any; none at the end."""

    def gettimeout(self) -> float | None:
        """Say after how many seconds without a byte :meth:`recv` raises TimeoutError."""

    def fileno(self) -> int:
        """Give its descriptor."""


class MessageReader:
    """Reads whole messages from a socket.

    Parameters
    ----------
    connection
        A connected socket, or another source of bytes.
    peer
        Who is at the other end, for the message of an error.
    limit
        Largest message that is accepted, in bytes; what one scan may hold in memory where nothing is said.
    pause_s, stall_s
        How long the peer may take until its next message begins, and over one message; None: as long as it likes.
        The source needs a ``fileno()`` then.
    """

    def __init__(
        self,
        connection: Source,
        peer: str,
        limit: int | None = None,
        *,
        pause_s: float | None = None,
        stall_s: float | None = None,
    ) -> None:
        self._connection = connection
        self._peer = peer
        self._limit = memory_limit() if limit is None else limit
        self.pause_s = pause_s
        self._pace = None if stall_s is None else Pace(stall_s)
        self._received = b""
        self._position = 0
        self._message = bytearray()
        self._name = ""
        self.n_messages = 0

    def is_next(self, kind: MessageID, wait_s: float) -> bool:
        """Whether a message of a kind comes next, and soon; it stays to be read, as any other does."""
        if self._position == len(self._received):
            watch = select.poll()
            watch.register(self._connection.fileno(), select.POLLIN)
            if not watch.poll(1000 * wait_s):
                return False
            try:
                self._receive(_U16.size)
            except PeerLostError:
                # Whoever reads the next message learns of it, too.
                return False
        return self._received[self._position :][: _U16.size] == _U16.pack(kind)

    def read(self, check: Callable[[MessageID], None] = lambda _: None) -> Message:
        """Read the next message.

        Parameters
        ----------
        check
            Called with its id before anything else of it is read; what it raises ends the reading.

        Raises
        ------
        PeerLostError
            The connection ended, within a message or between two.
        WireError
            The id is unknown, or a length is beyond all reason.
        """
        self._message = bytearray()
        self._name = ""
        if self._pace is not None:
            self._pace.begin()
        # Without an id that is known nobody can tell how long the message is: the stream cannot be read on.
        number = self.u16()
        try:
            kind = MessageID(number)
        except ValueError:
            raise WireError(f"{self._peer}: unknown message id {number} after {self.n_messages} messages") from None
        self._name = kind.name
        check(kind)
        _FRAMES[kind](self)
        self.n_messages += 1
        return Message(kind, self._message)

    def take(self, count: int, limit: int | None = None) -> memoryview:
        """Move the next ``count`` bytes into the message and give a view of them."""
        start = len(self._message)
        if count > (self._limit - start if limit is None else limit):
            raise WireError(
                f"{self._peer}: {self._name} message {self.n_messages + 1} declares {count} more bytes, "
                f"expected at most {self._limit - start if limit is None else limit}"
            )
        while (missing := count - (len(self._message) - start)) > 0:
            if self._position == len(self._received):
                self._receive(missing)
            piece = self._received[self._position : self._position + missing]
            self._position += len(piece)
            self._message += piece
        # Copied, because a bytearray with views cannot grow.
        return memoryview(bytes(memoryview(self._message)[start : start + min(count, 1 << 16)]))

    def u16(self) -> int:
        """Take one 16-bit number."""
        return int(_U16.unpack(self.take(2))[0])

    def u32(self) -> int:
        """Take one 32-bit number."""
        return int(_U32.unpack(self.take(4))[0])

    def u64(self) -> int:
        """Take one 64-bit number."""
        return int(_U64.unpack(self.take(8))[0])

    def _receive(self, missing: int) -> None:
        self._wait(missing)
        try:
            # Much at once for acquisitions, which are small; for an array at most a megabyte, as it is copied once
            # more.
            self._received = self._connection.recv(max(RECEIVE_BYTES, min(missing, 4 * RECEIVE_BYTES)))
        except TimeoutError as error:
            raise PeerLostError(f"{self._peer}: nothing came for {self._connection.gettimeout():g} s") from error
        except OSError as error:
            raise PeerLostError(f"{self._peer}: connection lost {self._where(missing)} ({error.strerror})") from error
        self._position = 0
        if not self._received:
            raise PeerLostError(f"{self._peer}: connection ended {self._where(missing)}")

    def _wait(self, missing: int) -> None:
        """Wait for bytes, not longer than the peer may take.

        By poll() and not by a time-out of the socket, which would hold for those who send on it, too.
        """
        limit_s, what = self.pause_s, f"nothing came for {round(self.pause_s or 0, 1):g} s"
        if self._pace is not None and self._message:
            limit_s = self._pace.left_s(len(self._message))
            what = f"too little came {self._where(missing)}, in {self._pace.limit_s:g} s"
        if limit_s is not None:
            watch = select.poll()
            watch.register(self._connection.fileno(), select.POLLIN)
            if not watch.poll(1000 * limit_s):
                raise PeerLostError(f"{self._peer}: {what}")
        if self._pace is not None and not self._message:
            # A pause is over; from here on the message counts.
            self._pace.begin()

    def _where(self, missing: int) -> str:
        if not self._message:
            return f"after {self.n_messages} messages, without a CLOSE"
        name = self._name or "unidentified"
        return (
            f"in the middle of message {self.n_messages + 1} ({name}): "
            f"{len(self._message)} bytes came, at least {missing} more were expected"
        )


def _filename(reader: MessageReader) -> None:
    reader.take(FILENAME_BYTES)


def _xml(reader: MessageReader) -> None:
    reader.take(reader.u32(), MAX_XML_BYTES)


def _meta(reader: MessageReader) -> None:
    reader.take(reader.u64(), MAX_XML_BYTES)


def _text(reader: MessageReader) -> None:
    reader.take(reader.u32(), MAX_TEXT_BYTES)


def _long_text(reader: MessageReader) -> None:
    reader.take(reader.u64(), MAX_TEXT_BYTES)


# Behind a reserved number and the number that the answer has to repeat, 64 bits each.
def _query(reader: MessageReader) -> None:
    reader.take(16)
    _long_text(reader)


def _response(reader: MessageReader) -> None:
    reader.take(8)
    _long_text(reader)


def _acquisition(reader: MessageReader) -> None:
    head = np.frombuffer(reader.take(acquisition_header_dtype.itemsize), acquisition_header_dtype)[0]
    samples = int(head["number_of_samples"])
    reader.take(samples * (4 * int(head["trajectory_dimensions"]) + 8 * int(head["active_channels"])))


def _waveform(reader: MessageReader) -> None:
    head = np.frombuffer(reader.take(waveform_header_dtype.itemsize), waveform_header_dtype)[0]
    reader.take(4 * int(head["number_of_samples"]) * int(head["channels"]))


def _image(reader: MessageReader) -> None:
    head = np.frombuffer(reader.take(image_header_dtype.itemsize), image_header_dtype)[0]
    item_bytes = _IMAGE_ITEM_BYTES.get(int(head["data_type"]))
    if item_bytes is None:
        raise WireError(f"image: expected a data type of 1 to 8, found {int(head['data_type'])}")
    _meta(reader)
    # As Python's integers: NumPy's would wrap round for a damaged matrix size.
    reader.take(item_bytes * int(head["channels"]) * int(np.prod(head["matrix_size"], dtype=object)))


def _array(reader: MessageReader, item_bytes: int) -> None:
    n_dimensions = reader.u64()
    if n_dimensions > MAX_DIMENSIONS:
        raise WireError(f"array: expected at most {MAX_DIMENSIONS} dimensions, found {n_dimensions}")
    count = 1
    for _ in range(n_dimensions):
        count *= reader.u64()
    reader.take(item_bytes * count)


def _optional(reader: MessageReader, frame: Callable[[MessageReader], None]) -> None:
    if reader.take(1)[0]:
        frame(reader)


def _recon_buffer(reader: MessageReader) -> None:
    _array(reader, 8)
    _optional(reader, lambda source: _array(source, 4))
    _optional(reader, lambda source: _array(source, 4))
    _array(reader, acquisition_header_dtype.itemsize)
    reader.take(_SAMPLING_BYTES)


def _recon_data(reader: MessageReader) -> None:
    for _ in range(reader.u64()):
        _recon_buffer(reader)
        _optional(reader, _recon_buffer)


def _image_array(reader: MessageReader) -> None:
    _array(reader, 8)
    _array(reader, image_header_dtype.itemsize)
    for _ in range(reader.u64()):
        _meta(reader)
    _optional(reader, _waveforms)
    _optional(reader, lambda source: _array(source, acquisition_header_dtype.itemsize))


def _waveforms(reader: MessageReader) -> None:
    for _ in range(reader.u64()):
        _waveform(reader)


def _bucket(reader: MessageReader) -> None:
    numbers = _BUCKET.unpack(reader.take(_BUCKET.size))
    # One after the other, so that each size is believed only as far as bytes arrive.
    for index in _BUCKET_SIZES:
        reader.take(numbers[index])


_FRAMES: dict[MessageID, Callable[[MessageReader], None]] = {
    MessageID.FILENAME: _filename,
    MessageID.CONFIG: _xml,
    MessageID.HEADER: _xml,
    MessageID.CLOSE: lambda _: None,
    MessageID.TEXT: _text,
    MessageID.QUERY: _query,
    MessageID.RESPONSE: _response,
    MessageID.ERROR: _long_text,
    MessageID.ACQUISITION: _acquisition,
    MessageID.IMAGE: _image,
    MessageID.RECONDATA: _recon_data,
    MessageID.IMAGE_ARRAY: _image_array,
    MessageID.WAVEFORM: _waveform,
    MessageID.BUCKET: _bucket,
}
