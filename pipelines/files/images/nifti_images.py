"""NIfTI files, read by nibabel to be written back."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gadgets.errors import RawDataError
from pipelines.files.images.image_file import ImageFile, Pixels, imported, readable, said_by_despark
from pipelines.files.images.nifti_volume import COMMENT_CHARACTERS
from pipelines.files.images.pixels import as_stored


class NiftiImages(ImageFile):
    """A NIfTI file: every slice of every volume by itself, or every volume as a whole."""

    kind = "NIfTI"

    def __init__(self, path: Path, *, is_volume: bool) -> None:
        super().__init__(path)
        self._is_volume = is_volume
        nibabel = imported("nibabel", "reading NIfTI")
        with readable(path, "NIfTI file"):
            self._file = nibabel.load(path)
            data = np.asanyarray(self._file.dataobj)
        if data.dtype.names or data.ndim < 2:
            raise RawDataError(f"{path}: expected gray or complex images, found {data.dtype} of shape {data.shape}")
        self.made_by = said_by_despark([bytes(self._file.header["descrip"]).decode("ascii", "replace").rstrip("\0")])
        self.images = [image.reshape(1, *(1,) * (3 - image.ndim), *image.shape) for image in self._as_stack(data)]

    def write(self, path: Path, repaired: Mapping[int, Pixels], comments: Mapping[int, str]) -> int:
        """Write a copy of the file, the images with these numbers replaced; see :class:`ImageFile`."""
        if not repaired:
            shutil.copyfile(self.path, path)
            return 0
        slope, intercept = self._file.dataobj.slope, self._file.dataobj.inter
        # The numbers as stored: scaled and stored once more, pixels that nobody touched could be rounded.
        data = np.array(self._file.dataobj.get_unscaled())
        n_clipped = 0
        # Memory runs the other way round in NIfTI: x first. Of an array of its own this is a view.
        stack = self._as_stack(data)
        for number, pixels in repaired.items():
            # Back to the numbers as stored, from which the file's own slope and intercept make the pixels.
            stack[number], n_here = as_stored((pixels.reshape(stack.shape[1:]) - intercept) / slope, data.dtype)
            n_clipped += n_here
        copy = type(self._file)(data, self._file.affine, self._file.header.copy(), extra=self._file.extra)
        copy.header.set_slope_inter(slope, intercept)
        if comment := comments.get(min(repaired)):
            copy.header["descrip"] = comment.encode("ascii", "replace")[:COMMENT_CHARACTERS]
        # By bytes, because nibabel tells by the name whether to compress, and the name is a temporary one.
        content = copy.to_bytes()
        path.write_bytes(gzip.compress(content) if self.path.name.lower().endswith(".gz") else content)
        return n_clipped

    def _as_stack(self, data: Pixels) -> Pixels:
        """Give what is transformed as a whole, one behind the other; a view of `data`."""
        n_axes = min(3 if self._is_volume else 2, data.ndim)
        reversed_axes = data.T
        # Axes of volumes, if there are several, become one: each image is told by its number.
        return reversed_axes.reshape(-1, *reversed_axes.shape[-n_axes:])
