"""MRD images in HDF5, laid out as Gadgetron's own client writes them: ``image_N`` with data, header, attributes."""

from __future__ import annotations

import logging
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import h5py
import numpy as np
from ismrmrd.hdf5 import get_hdf5type, image_header_dtype
from numpy.typing import NDArray

from gadgets.errors import WireError
from gadgets.image import ORIGINAL_SERIES
from gadgets.outside import MAX_XML_BYTES, XMLError, parse_xml, printable

logger = logging.getLogger(__name__)

IMAGE_HEADER_BYTES: int = image_header_dtype.itemsize
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, eq=False)
class RawImage:
    """One MRD image as it came.

    Attributes
    ----------
    header
        The 198 bytes of the MRD image header.
    attributes
        Its meta data, MRD meta XML or nothing.
    data
        Shape ``(channel, z, y, x)``; complex values as pairs named real and imag.
    """

    header: bytes
    attributes: bytes
    data: NDArray[Any]

    @cached_property
    def fields(self) -> np.void:
        """The header's fields by name, read-only."""
        row: np.void = np.frombuffer(self.header, dtype=image_header_dtype)[0]
        return row

    @property
    def pixels(self) -> NDArray[Any]:
        """The data as numbers, complex ones too; same shape."""
        if self.data.dtype.names is None:
            return self.data
        return np.asarray(self.data["real"] + 1j * self.data["imag"])

    @property
    def is_original(self) -> bool:
        """Whether it was made once more, of the data as acquired."""
        return int(self.fields["image_series_index"]) >= ORIGINAL_SERIES

    @cached_property
    def meta(self) -> dict[str, str]:
        """The first value of every meta element; empty where the meta data cannot be read."""
        return meta_of(self.attributes)

    @classmethod
    def from_bytes(cls, body: bytes) -> RawImage:
        """Read an image from a message's body.

        Raises
        ------
        WireError
            The body is shorter or longer than its header says, or the image has no pixels.
        """
        fields = np.frombuffer(body, dtype=image_header_dtype, count=1)[0]
        start = IMAGE_HEADER_BYTES + _LENGTH.size
        n_attributes = _LENGTH.unpack(body[IMAGE_HEADER_BYTES:start])[0]
        dtype = get_hdf5type(int(fields["data_type"]))
        x, y, z = (int(size) for size in fields["matrix_size"])
        shape = int(fields["channels"]), z, y, x
        n_data = int(np.prod(shape)) * dtype.itemsize
        if not all(shape):
            raise WireError(f"image: expected channels and a matrix above 0, found {shape[0]} and {x} x {y} x {z}")
        # Checked before anything is cut out: NumPy would take a wrong length for another shape, or fail without a
        # reason.
        if len(body) != start + n_attributes + n_data:
            raise WireError(f"image: expected {start + n_attributes + n_data} bytes by its header, found {len(body)}")
        data = np.frombuffer(body, dtype, -1, start + n_attributes).reshape(shape)
        return cls(body[:IMAGE_HEADER_BYTES], body[start : start + n_attributes], data)


def meta_of(attributes: bytes) -> dict[str, str]:
    """Read the first value of every element of MRD meta data; nothing where they cannot be read."""
    # Meta data are optional, and Gadgetron ends them with a NUL.
    if not attributes.strip(b"\0 \t\r\n"):
        return {}
    try:
        root = parse_xml(attributes)
    except XMLError as error:
        logger.warning("an image's meta data are %s", error)
        return {}
    # Of the first value only: whoever asks here asks for numbers and single words. It is whole, because the list of
    # sparks is read from it; how long it may be, the limits of XML say.
    return {
        meta.findtext("name", ""): printable(meta.findtext("value", "") or "", most=MAX_XML_BYTES)
        for meta in root.iter("meta")
    }


class ImageWriter:
    """Writes images into one group, a subgroup ``image_N`` per image series.

    Parameters
    ----------
    file
        The HDF5 file, open for writing.
    group
        Name of the new group.
    """

    def __init__(self, file: h5py.File, group: str = "images") -> None:
        self._group = file.create_group(group)

    def append(self, image: RawImage) -> None:
        """Add an image behind those of its series; one of another size or type begins the next free number."""
        series = int(image.fields["image_series_index"])
        # A dataset holds images of one size and type.
        while (name := f"image_{series}") in self._group and not _fits(self._group[name]["data"], image):
            series += 1
        if name not in self._group:
            self._create(name, image)
        # Gadgetron ends the text with a NUL, which HDF5 does not store in a string.
        text = image.attributes.partition(b"\0")[0]
        for key, value in (("header", image.fields), ("attributes", text), ("data", image.data)):
            dataset = self._group[name][key]
            dataset.resize(len(dataset) + 1, axis=0)
            dataset[-1] = value

    def _create(self, name: str, image: RawImage) -> None:
        group = self._group.create_group(name)
        shape = image.data.shape
        # One image per chunk: nobody knows how many will come, and each is read by itself.
        group.create_dataset("header", (0,), maxshape=(None,), chunks=(1,), dtype=image_header_dtype)
        # The ISMRMRD library reads these as ASCII and refuses any other declaration; values may still be UTF-8.
        text = h5py.string_dtype("ascii")
        group.create_dataset("attributes", (0,), maxshape=(None,), chunks=(1,), dtype=text)
        data_type = image.data.dtype
        group.create_dataset("data", (0, *shape), maxshape=(None, *shape), chunks=(1, *shape), dtype=data_type)


def _fits(dataset: h5py.Dataset, image: RawImage) -> bool:
    return bool(dataset.shape[1:] == image.data.shape and dataset.dtype == image.data.dtype)
