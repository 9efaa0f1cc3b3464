"""Images with their headers and meta data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ismrmrd
import numpy as np
from ismrmrd.hdf5 import image_header_dtype
from numpy.typing import NDArray

from gadgets.arrays import FloatArray
from gadgets.indices import COUNTERS
from gadgets.wire.transport import COUNT, MESSAGE_ID, Transport, bytes_of

IMAGE = 1022
_ID = MESSAGE_ID.pack(IMAGE)
# MRD's numbers for the type of the pixels and for what they show.
_FLOAT32 = 5
_MAGNITUDE = 1

MetaValue = str | int | float | list[str]
_SAME_IN_BOTH_HEADERS = (
    "measurement_uid",
    "position",
    "read_dir",
    "phase_dir",
    "slice_dir",
    "patient_table_position",
    "acquisition_time_stamp",
    "physiology_time_stamp",
    "user_int",
    "user_float",
)


@dataclass(frozen=True, eq=False)
class ImageMessage:
    """One magnitude image: header (``image_header_dtype``), meta data as MRD XML, pixels ``(channel, z, y, x)``."""

    header: NDArray[np.void]
    meta: bytes
    pixels: NDArray[np.float32]


def image_message(
    image: FloatArray,
    acquisition_header: np.void,
    field_of_view: tuple[float, float, float],
    image_index: int,
    meta: Mapping[str, MetaValue],
    series_offset: int = 0,
) -> ImageMessage:
    """Give an image the place, time and counters of the acquisition it was made of.

    Parameters
    ----------
    image
        Magnitude, shape ``(z, y, x)``.
    acquisition_header
        Fields of ``acquisition_header_dtype``.
    field_of_view
        Along x, y and z in mm.
    image_index
        Running number, from 1.
    meta
        Values by name.
    series_offset
        Is added to the index of the series.
    """
    header = np.zeros(1, image_header_dtype)
    head = header[0]
    for name in _SAME_IN_BOTH_HEADERS:
        head[name] = acquisition_header[name]
    for name in COUNTERS:
        head[name] = acquisition_header["idx"][name]
    head["version"], head["data_type"], head["image_type"] = 1, _FLOAT32, _MAGNITUDE
    # MRD counts x first, NumPy last.
    head["matrix_size"], head["channels"] = image.shape[::-1], 1
    head["field_of_view"] = field_of_view
    # The field has 16 bits: a longer series repeats the last number rather than fail.
    head["image_index"] = min(image_index, np.iinfo(np.uint16).max)
    # Images of one series share a matrix, and so an encoding.
    head["image_series_index"] = acquisition_header["encoding_space_ref"] + series_offset
    content = ismrmrd.Meta(_printable(meta)).serialize().encode()
    head["attribute_string_len"] = len(content)
    return ImageMessage(header, content, np.ascontiguousarray(image, np.float32)[np.newaxis])


def _printable(meta: Mapping[str, MetaValue]) -> dict[str, MetaValue]:
    """Replace what XML cannot hold, so that a message of an exception never costs the image."""
    return {name: _clean(value) if isinstance(value, str) else value for name, value in meta.items()}


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def write_image(destination: Transport, image: ImageMessage) -> None:
    """Write an image with its id."""
    destination.write(_ID, image.header.tobytes(), COUNT.pack(len(image.meta)), image.meta)
    destination.write(bytes_of(image.pixels))
    # An image goes out at once: somebody waits for it, and the next one may take long.
    destination.flush()
