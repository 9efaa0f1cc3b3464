"""Puts our readers and writers on a ``gadgetron`` Connection."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from ismrmrd.hdf5 import image_header_dtype

from gadgets.errors import WireError
from gadgets.outside import MAX_XML_BYTES, STALL_S
from gadgets.wire.acquisitions import ACQUISITION, HEADER_BYTES, Acquisition, read_acquisition, write_acquisition
from gadgets.wire.capture import Capture, RawMessage
from gadgets.wire.images import IMAGE, ImageMessage, write_image
from gadgets.wire.recon_data import RECON_DATA, ReconData, read_recon_data, write_recon_data
from gadgets.wire.transport import CLOSE, ERROR, MESSAGE_ID, TEXT, Transport
from gadgets.wire.waveforms import (
    WAVEFORM,
    WAVEFORM_HEADER_BYTES,
    Waveform,
    read_waveform,
    waveform_bytes,
    write_waveform,
)

IMAGE_ARRAY = 1024
BUCKET = 1050
# Bytes per pixel by MRD's data types 1 to 8.
_PIXEL_BYTES = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4, 6: 8, 7: 8, 8: 16}

Reader = Callable[[Transport], Any]


class Readers(dict[int, Reader]):
    """Readers by message id; an id that has none is an error and not, as in the package, the end of the stream."""

    def get(self, key: int, default: Any = None) -> Any:  # noqa: ANN401, ARG002 - the package's own signature
        """Give the reader of a message."""
        # The package asks by get(), with a default of its own that ends the stream as if all were well.
        return self[key] if key in self else partial(_refuse, key)


def attach(connection: Any) -> Transport:  # noqa: ANN401 - gadgetron is untyped
    """Let a Connection read and write what the nodes use.

    Acquisitions, waveforms and ReconData come as :class:`Acquisition`, :class:`Waveform` and :class:`ReconData`;
    images, image arrays and buckets as :class:`RawMessage`, whole. The socket inside is replaced by one that
    notices a lost peer.
    """
    # The package's wrapper has no buffer, so nothing that came behind the header is lost with it.
    connected = connection.socket.socket
    # A server's own sockets know how long its peers are waited for.
    transport = Transport(connected, getattr(connected, "stall_s", STALL_S))
    _tune(transport.socket)
    connection.socket = transport
    connection.readers = Readers(
        {
            CLOSE: _end_of_stream,
            ACQUISITION: read_acquisition,
            WAVEFORM: read_waveform,
            RECON_DATA: read_recon_data,
            IMAGE: _read_image,
            IMAGE_ARRAY: _read_image_array,
            BUCKET: _read_bucket,
        }
    )
    # The package asks one writer after the other for each item: what comes most often stands first.
    connection.writers = [
        (_is(Acquisition), write_acquisition),
        (_is(Waveform), write_waveform),
        (_is(ReconData), write_recon_data),
        (_is(ImageMessage), write_image),
        (_is(RawMessage), _write_whole),
    ]
    return transport


def _tune(connected: socket.socket) -> None:
    """Send at once what is flushed, and notice in the end a machine that vanished."""
    # The socket pair of a node in this process knows neither of these options.
    if connected.family in (socket.AF_INET, socket.AF_INET6):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _is(kind: type) -> Callable[[object], bool]:
    return lambda item: isinstance(item, kind)


def _end_of_stream(source: Transport) -> None:
    source.is_at_end = True
    raise StopIteration


def _refuse(message_id: int, source: Transport) -> None:
    if message_id in (TEXT, ERROR):
        # Only the length of an ERROR has 64 bits. What it announces is not waited for beyond what a reason may have.
        length_bytes = 4 if message_id == TEXT else 8
        length = int.from_bytes(source.read(length_bytes), "little")
        text = bytes(source.read(length)).decode("utf-8", "replace") if length <= 1 << 20 else "(overlong)"
        raise WireError(f"expected scan data, found an error message: {text}")
    raise WireError(f"expected a message of scan data or CLOSE, found message id {message_id}")


def _read_image(source: Transport) -> RawMessage:
    message = Capture(source)
    content = message.take(image_header_dtype.itemsize)
    header: np.void = np.frombuffer(content, np.dtype(image_header_dtype))[0]
    n_meta = message.count()
    if n_meta > MAX_XML_BYTES:
        raise WireError(f"expected image meta data of at most {MAX_XML_BYTES} bytes, found {n_meta}")
    message.take(n_meta)
    data_type = int(header["data_type"])
    if data_type not in _PIXEL_BYTES:
        raise WireError(f"expected an image of data type 1 to 8, found {data_type}")
    # Python's integers do not wrap round: a damaged matrix size must come out too large, and not small by chance.
    n_bytes = _PIXEL_BYTES[data_type] * int(header["channels"])
    for length in header["matrix_size"].tolist():
        n_bytes *= length
    message.take(n_bytes)
    return message.message(IMAGE)


def _read_image_array(source: Transport) -> RawMessage:
    message = Capture(source)
    # In Gadgetron's order: samples, headers, meta data, then waveforms and acquisition headers where there are any.
    message.array(8)
    message.array(image_header_dtype.itemsize)
    for _ in range(_bounded(message.count())):
        message.take(message.count())
    if message.is_present():
        for _ in range(_bounded(message.count())):
            message.take(waveform_bytes(message.take(WAVEFORM_HEADER_BYTES)))
    if message.is_present():
        message.array(HEADER_BYTES)
    return message.message(IMAGE_ARRAY)


def _read_bucket(source: Transport) -> RawMessage:
    message = Capture(source)
    # A bucket begins with all of its sizes; nothing behind them has to be understood to pass it on.
    counts = [message.count() for _ in range(13)]
    # Data and reference (count, headers, samples, trajectories), their statistics, waveforms (count, headers, samples).
    sizes = {"data": counts[1:4], "reference": counts[5:8], "statistics": counts[8:10], "waveforms": counts[11:13]}
    n_bytes = sum(map(sum, sizes.values()))
    if n_bytes > source.max_bytes:
        raise WireError(f"expected a bucket of at most {source.max_bytes} bytes, found {sizes}")
    message.take(n_bytes)
    return message.message(BUCKET)


def _bounded(count: int) -> int:
    if count > 1 << 20:
        raise WireError(f"expected at most {1 << 20} elements in an image array, found {count}")
    return count


def _write_whole(destination: Transport, message: RawMessage) -> None:
    destination.write(MESSAGE_ID.pack(message.message_id), *message.parts)
