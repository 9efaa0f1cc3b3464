"""Series of MRD images in an HDF5 file, checked before they are believed."""

from __future__ import annotations

from typing import Any

import h5py
from numpy.typing import NDArray

from gadgets.errors import RawDataError
from pipelines.files.foreign import find_dataset, made_by, number_type, read
from pipelines.files.images.raw_image import meta_of

MOST_COMMENTS = 200
"""Images that are asked what despark did to them."""

PIXEL_PAIR = ("real", "imag")
"""Parts of a complex pixel."""


def read_series(series: h5py.Group, path: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read the pixels of a series, shape ``(image, channel, z, y, x)``, and the types of its images.

    Parameters
    ----------
    series
        With something named ``data`` and ``header``.
    path
        Of the file, for the message of an error.

    Raises
    ------
    RawDataError
        These are no datasets that fit each other, or they are damaged.
    """
    data, header = find_dataset(series, "data", path), find_dataset(series, "header", path)
    where = f"{path}: {series.name.strip('/')}"
    if data is None or header is None:
        raise RawDataError(f"{where}: expected data and header, found: {', '.join(series) or 'none'}")
    if "image_type" not in (header.dtype.names or ()) or header.dtype["image_type"].kind not in "iu":
        raise RawDataError(f"{where}/header: expected MRD image headers with an image_type, found {header.dtype}")
    numbers = number_type(data.dtype)
    is_pair = data.dtype.names == PIXEL_PAIR and numbers is not None and numbers.kind == "f"
    if not is_pair and data.dtype.kind not in "iufc":
        raise RawDataError(f"{where}/data: expected pixels that are numbers, found {data.dtype}")
    # A series may have no images, but there are no images without pixels.
    if data.ndim != 5 or 0 in data.shape[1:]:
        raise RawDataError(f"{where}/data: expected axes (image, channel, z, y, x), found shape {data.shape}")
    if header.shape != data.shape[:1]:
        raise RawDataError(f"{where}: expected a header for each of {len(data)} images, found shape {header.shape}")
    return read(data, f"{where}/data", 0, len(data)), read(header, f"{where}/header")["image_type"]


def comments_of(series: h5py.Group, path: str) -> list[str]:
    """Give the comments that images of a series carry, as far as they can be read: they are no pixels.

    A file that ``despark image`` has changed says so in an attribute of the series.
    """
    try:
        texts = find_dataset(series, "attributes", path)
        rows = [] if texts is None or texts.ndim != 1 else list(read(texts, path, 0, min(len(texts), MOST_COMMENTS)))
    except RawDataError:
        rows = []
    metas = [meta_of(row) for row in rows if isinstance(row, bytes)]
    return [made_by(series), *(meta.get("ImageComments", "") for meta in metas)]
