"""DICOM files, read by pydicom to be written back."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gadgets.errors import RawDataError
from pipelines.files.images.dicom.attributes import REPAIRED_SERIES, name_of_series
from pipelines.files.images.image_file import ImageFile, Pixels, imported, readable, said_by_despark
from pipelines.files.images.pixels import as_stored

PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


COMMENTS = ("DerivationDescription", "ImageComments")
"""In which despark says what it did."""

MARK = b"DICM"
MARK_AT = 128
"""Bytes that may hold anything stand before the mark."""


def is_dicom(path: Path) -> bool:
    """Whether a file has the mark of DICOM."""
    with path.open("rb") as file:
        return file.read(MARK_AT + len(MARK))[MARK_AT:] == MARK


class DicomImages(ImageFile):
    """A DICOM file: every frame by itself."""

    kind = "DICOM"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        pydicom = imported("pydicom", "reading DICOM")
        with readable(path, "DICOM image"):
            self._file = pydicom.dcmread(path)
            frames = self._file.pixel_array
            n_colours, kinds = int(self._file.get("SamplesPerPixel", 1)), list(self._file.get("ImageType", []))
        self.made_by = said_by_despark(str(self._file.get(name, "")) for name in COMMENTS)
        if n_colours != 1:
            raise RawDataError(f"{path}: expected a gray image, found {n_colours} values for each pixel")
        if "P" in kinds[2:3]:
            self.notices.append(f"{path}: a phase image has no k-space of its own, and is left as it is")
            return
        self.images = [frame[None, None] for frame in frames.reshape(-1, *frames.shape[-2:])]
        self._type = frames.dtype

    def write(self, path: Path, repaired: Mapping[int, Pixels], comments: Mapping[int, str]) -> int:
        """Write a copy of the file, the images with these numbers replaced; see :class:`ImageFile`."""
        # Without a change it stays the same object, with its own identity.
        if not repaired:
            shutil.copyfile(self.path, path)
            return 0
        pydicom = imported("pydicom", "reading DICOM")
        file = self._file
        # DICOM often stores 12 bits in 16: larger numbers would be cut by whoever reads them.
        bits = int(file.BitsStored) if self._type.kind in "iu" else None
        frames, n_clipped = as_stored(
            np.stack([repaired.get(number, image)[0, 0] for number, image in enumerate(self.images)]), self._type, bits
        )
        # Changed pixels are written plainly; what says how they were compressed has to go, too.
        if file.file_meta.TransferSyntaxUID.is_compressed:
            file.decompress()
        name = next(each for each in PIXEL_ELEMENTS if each in file)
        setattr(file, name, np.ascontiguousarray(frames).tobytes())
        # What was changed is another image: under the old identity an archive would take one for the other. Its series
        # is another one, too, and the same for all images that were in one.
        file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        series = str(file.get("SeriesInstanceUID", ""))
        file.SeriesInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[series, "despark"] if series else None)
        file.SeriesNumber = int(file.get("SeriesNumber") or 1) + REPAIRED_SERIES
        file.SeriesDescription = name_of_series(str(file.get("SeriesDescription", "")), is_repaired=True)
        file.ImageType = ["DERIVED", *(list(file.get("ImageType", []))[1:] or ["SECONDARY"])]
        # The element holds at most 1024 characters.
        file.DerivationDescription = "; ".join(comments[number] for number in sorted(repaired))[:1024]
        file.save_as(path)
        return n_clipped
