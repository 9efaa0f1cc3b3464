"""NIfTI files, read by nibabel to be written back.

A child process does both: what a compressed file unpacks to may be more than any machine has.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from gadgets.errors import RawDataError
from pipelines.files.foreign import go_on, in_child
from pipelines.files.images.image_file import ImageFile, Pixels, imported, readable, said_by_despark, writable
from pipelines.files.images.nifti_volume import COMMENT_CHARACTERS
from pipelines.files.images.pixels import as_stored

PIECE_BYTES = 1 << 20


class NiftiImages(ImageFile):
    """A NIfTI file: every slice of every volume by itself, or every volume as a whole."""

    kind = "NIfTI"

    def __init__(self, path: Path, *, is_volume: bool) -> None:
        super().__init__(path)
        self._is_volume = is_volume
        ((data, self.made_by),) = in_child(partial(_read, path), str(path), [path])
        stack = _as_stack(data, is_volume=is_volume)
        self.images = [image.reshape(1, *(1,) * (3 - image.ndim), *image.shape) for image in stack]

    def write(self, path: Path, repaired: Mapping[int, Pixels], comments: Mapping[int, str]) -> int:
        """Write a copy of the file, the images with these numbers replaced; see :class:`ImageFile`."""
        if not repaired:
            shutil.copyfile(self.path, path)
            return 0
        write = partial(_write, self.path, path, repaired, comments.get(min(repaired), ""), is_volume=self._is_volume)
        return sum(in_child(write, str(self.path), [self.path]))


def _read(path: Path) -> Iterator[tuple[Pixels, str]]:
    nibabel = imported("nibabel", "reading NIfTI")
    with readable(path, "NIfTI file"):
        file = nibabel.load(path)
        # No map of the file, whatever it lies in: it has to travel.
        data = np.asarray(file.dataobj)
        if path.name.lower().endswith(".gz"):
            _check_to_the_end(path)
        comment = bytes(file.header["descrip"]).decode("ascii", "replace").rstrip("\0")
    if data.dtype.names or data.ndim < 2 or not data.size:
        raise RawDataError(f"{path}: expected gray or complex images, found {data.dtype} of shape {data.shape}")
    yield data, said_by_despark([comment])


def _check_to_the_end(path: Path) -> None:
    """Read a compressed file to its end, where its checksum stands: nibabel reads as far as there are pixels."""
    with gzip.open(path) as file:
        while file.read(PIECE_BYTES):
            go_on()


def _write(
    source: Path, target: Path, repaired: Mapping[int, Pixels], comment: str, *, is_volume: bool
) -> Iterator[int]:
    nibabel = imported("nibabel", "reading NIfTI")
    with readable(source, "NIfTI file"):
        file = nibabel.load(source)
        slope, intercept = file.dataobj.slope, file.dataobj.inter
        # The numbers as stored: scaled and stored once more, pixels that nobody touched could be rounded.
        data = np.array(file.dataobj.get_unscaled())
        n_clipped = 0
        # Memory runs the other way round in NIfTI: x first. Of an array of its own this is a view.
        stack = _as_stack(data, is_volume=is_volume)
        for number, pixels in repaired.items():
            # Back to the numbers as stored, from which the file's own slope and intercept make the pixels.
            stack[number], n_here = as_stored((pixels.reshape(stack.shape[1:]) - intercept) / slope, data.dtype)
            n_clipped += n_here
        copy = type(file)(data, file.affine, file.header.copy(), extra=file.extra)
        copy.header.set_slope_inter(slope, intercept)
        if comment:
            copy.header["descrip"] = comment.encode("ascii", "replace")[:COMMENT_CHARACTERS]
        # By bytes, because nibabel tells by the name whether to compress, and the name is a temporary one.
        content = copy.to_bytes()
    with writable(target):
        target.write_bytes(gzip.compress(content) if source.name.lower().endswith(".gz") else content)
    yield n_clipped


def _as_stack(data: Pixels, *, is_volume: bool) -> Pixels:
    """Give what is transformed as a whole, one behind the other; a view of `data`."""
    n_axes = min(3 if is_volume else 2, data.ndim)
    reversed_axes = data.T
    # Axes of volumes, if there are several, become one: each image is told by its number.
    return reversed_axes.reshape(-1, *reversed_axes.shape[-n_axes:])
