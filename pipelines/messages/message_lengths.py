"""How long is a message? Its own beginning tells, for each kind in another way.

Lengths and counts that the other side declares are taken one after the other, so that each is believed only as far as
the bytes before it arrive.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol

import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype, image_header_dtype, waveform_header_dtype

from gadgets.errors import WireError
from gadgets.outside import MAX_XML_BYTES
from pipelines.messages.messages import FILENAME_BYTES, MessageID

# No text or array of a scan comes near these; a damaged count nearly always passes them.
MAX_TEXT_BYTES = 1 << 20
MAX_DIMENSIONS = 32

_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")
# The size of a sampling description, and of a pixel by MRD's data types 1 to 8.
_SAMPLING_BYTES = 56
_IMAGE_ITEM_BYTES = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4, 6: 8, 7: 8, 8: 16}
_BUCKET = struct.Struct("<13Q")
# Of the bucket's 13 numbers, those that are sizes in bytes; the other three count headers.
_BUCKET_SIZES = (1, 2, 3, 5, 6, 7, 8, 9, 11, 12)


class Bytes(Protocol):
    """The bytes of a message, as they arrive."""

    def take(self, count: int, limit: int | None = None) -> memoryview:
        """Take the next ``count`` bytes and show them; raises WireError where they are more than ``limit``."""


def take_body(kind: MessageID, source: Bytes) -> None:
    """Take all of a message behind its id.

    Raises
    ------
    WireError
        A length is beyond all reason.
    """
    _BODIES[kind](source)


def _u32(source: Bytes) -> int:
    return int(_U32.unpack(source.take(_U32.size))[0])


def _u64(source: Bytes) -> int:
    return int(_U64.unpack(source.take(_U64.size))[0])


def _filename(source: Bytes) -> None:
    source.take(FILENAME_BYTES)


def _xml(source: Bytes) -> None:
    source.take(_u32(source), MAX_XML_BYTES)


def _meta(source: Bytes) -> None:
    source.take(_u64(source), MAX_XML_BYTES)


def _text(source: Bytes) -> None:
    source.take(_u32(source), MAX_TEXT_BYTES)


def _long_text(source: Bytes) -> None:
    source.take(_u64(source), MAX_TEXT_BYTES)


# Behind a reserved number and the number that the answer has to repeat, 64 bits each.
def _query(source: Bytes) -> None:
    source.take(16)
    _long_text(source)


def _response(source: Bytes) -> None:
    source.take(8)
    _long_text(source)


def _acquisition(source: Bytes) -> None:
    head = np.frombuffer(source.take(acquisition_header_dtype.itemsize), acquisition_header_dtype)[0]
    samples = int(head["number_of_samples"])
    source.take(samples * (4 * int(head["trajectory_dimensions"]) + 8 * int(head["active_channels"])))


def _waveform(source: Bytes) -> None:
    head = np.frombuffer(source.take(waveform_header_dtype.itemsize), waveform_header_dtype)[0]
    source.take(4 * int(head["number_of_samples"]) * int(head["channels"]))


def _image(source: Bytes) -> None:
    head = np.frombuffer(source.take(image_header_dtype.itemsize), image_header_dtype)[0]
    item_bytes = _IMAGE_ITEM_BYTES.get(int(head["data_type"]))
    if item_bytes is None:
        raise WireError(f"image: expected a data type of 1 to 8, found {int(head['data_type'])}")
    _meta(source)
    # As Python's integers: NumPy's would wrap round for a damaged matrix size.
    source.take(item_bytes * int(head["channels"]) * int(np.prod(head["matrix_size"], dtype=object)))


def _array(source: Bytes, item_bytes: int) -> None:
    n_dimensions = _u64(source)
    if n_dimensions > MAX_DIMENSIONS:
        raise WireError(f"array: expected at most {MAX_DIMENSIONS} dimensions, found {n_dimensions}")
    # Python's integers have no largest one: a product of damaged sizes does not wrap round to a small number.
    count = 1
    for _ in range(n_dimensions):
        count *= _u64(source)
    source.take(item_bytes * count)


def _optional(source: Bytes, take: Callable[[Bytes], None]) -> None:
    if source.take(1)[0]:
        take(source)


def _recon_buffer(source: Bytes) -> None:
    _array(source, 8)
    _optional(source, lambda array: _array(array, 4))
    _optional(source, lambda array: _array(array, 4))
    _array(source, acquisition_header_dtype.itemsize)
    source.take(_SAMPLING_BYTES)


def _recon_data(source: Bytes) -> None:
    for _ in range(_u64(source)):
        _recon_buffer(source)
        _optional(source, _recon_buffer)


def _image_array(source: Bytes) -> None:
    _array(source, 8)
    _array(source, image_header_dtype.itemsize)
    for _ in range(_u64(source)):
        _meta(source)
    _optional(source, _waveforms)
    _optional(source, lambda headers: _array(headers, acquisition_header_dtype.itemsize))


def _waveforms(source: Bytes) -> None:
    for _ in range(_u64(source)):
        _waveform(source)


def _bucket(source: Bytes) -> None:
    numbers = _BUCKET.unpack(source.take(_BUCKET.size))
    # One after the other, so that each size is believed only as far as bytes arrive.
    for index in _BUCKET_SIZES:
        source.take(numbers[index])


_BODIES: dict[MessageID, Callable[[Bytes], None]] = {
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
