"""MRD images in HDF5, as ``despark replay`` and Gadgetron's client write them, read to be written back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from ismrmrd.constants import IMTYPE_PHASE

from gadgets.errors import RawDataError
from pipelines.files.foreign import MADE_BY, find, in_child, names_in, open_hdf5, raw_hint, refused
from pipelines.files.images.image_file import OWN, ImageFile, Pixels, said_by_despark
from pipelines.files.images.mrd_series import PIXEL_PAIR, comments_of, read_series
from pipelines.files.images.pixels import as_stored


class MrdImages(ImageFile):
    """All image series below one group of an MRD file, as ``despark replay`` and Gadgetron's client write them."""

    kind = "MRD"

    def __init__(self, path: Path, group: str) -> None:
        super().__init__(path)
        self._places: list[tuple[str, int]] = []
        comments = []
        for name, number, pixels, comment in in_child(partial(_images, path, group), str(path), [path]):
            comments.append(comment)
            # MRD says of every image whether it is a magnitude, a phase or complex.
            if pixels is None:
                self.notices.append(
                    f"{name}, image {number}: a phase image has no k-space of its own, and is left as it is"
                )
                continue
            self.images.append(pixels)
            self._places.append((f"{name}/data", number))
        self.made_by = said_by_despark(comments)

    def write(self, path: Path, repaired: Mapping[int, Pixels], comments: Mapping[int, str]) -> int:
        """Write a copy of the file, the images with these numbers replaced; see :class:`ImageFile`."""
        # A copy first: all that is not an image, and every image that is not repaired, stays as it is.
        shutil.copyfile(self.path, path)
        # Of the same file: what is wrong with it may hang the library here, too.
        placed = [(*self._places[number], pixels, comments.get(number)) for number, pixels in repaired.items()]
        return sum(in_child(partial(_write, path, placed), str(self.path), [path]))


def _write(path: Path, placed: list[tuple[str, int, Pixels, str | None]]) -> Iterator[int]:
    """Write images and comments in their places: the data set and a number; give how many pixels each were clipped."""
    with refused(f"{path}: cannot be written"), h5py.File(path, "r+") as file:
        for name, index, pixels, comment in placed:
            dataset = file[name]
            stored, n_clipped = np.empty(pixels.shape, dataset.dtype), 0
            if dataset.dtype.names:
                stored["real"], stored["imag"] = pixels.real, pixels.imag
            else:
                stored, n_clipped = as_stored(pixels, dataset.dtype)
            dataset[index] = stored
            if comment is not None:
                dataset.parent.attrs[MADE_BY] = comment
            yield n_clipped


def _images(path: Path, group: str) -> Iterator[tuple[str, int, Pixels | None, str]]:
    """Give series, number, pixels (none of a phase image) of every image, and what despark did to its series."""
    with open_hdf5(path) as file:
        found = find(file, group, str(path))
        if not isinstance(found, h5py.Group):
            names = names_in(file, str(path))
            instead = ", ".join(names) or "none" if found is None else f"a {type(found).__name__.lower()}"
            more = raw_hint(names)
            raise RawDataError(f"{path}: expected a group {group!r} with MRD images, found: {instead}{more}")
        for name in found:
            series = find(found, name, str(path))
            if not isinstance(series, h5py.Group) or not {"data", "header"} <= set(series):
                continue
            data, types = read_series(series, str(path))
            comment = f"{OWN}{said_by_despark(comments_of(series, str(path)))}"
            for number, (pixels, image_type) in enumerate(zip(data, types, strict=True)):
                is_pair = pixels.dtype.names == PIXEL_PAIR
                values = pixels["real"] + 1j * pixels["imag"] if is_pair else pixels
                yield f"{group}/{name}", number, None if image_type == IMTYPE_PHASE else values, comment
