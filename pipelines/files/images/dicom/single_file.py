"""DICOM files, read by pydicom to be written back.

A child process does both: what a file says of its size, or what it is packed into, may be more than any machine has.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gadgets.outside import printable
from pipelines.files.foreign import in_child
from pipelines.files.images.dicom.attributes import REPAIRED_SERIES, name_of_series
from pipelines.files.images.dicom.provenance import our_part, source_of
from pipelines.files.images.image_file import ImageFile, Pixels, imported, readable, said_by_despark, writable
from pipelines.files.images.pixels import as_stored

PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
EXTREMES = tuple(
    f"{which}{what}" for which in ("Smallest", "Largest") for what in ("ImagePixelValue", "PixelValueInSeries")
)
PHASE = {"P", "PHASE MAP", "VELOCITY MAP", "PHASE"}
"""As scanners and the standard name what a phase image shows: in ImageType, or in ComplexImageComponent."""

COMMENTS = ("DerivationDescription", "ImageComments")
"""In which despark says what it did."""

MARK = b"DICM"
MARK_AT = 128
"""Bytes that may hold anything stand before the mark."""


def is_dicom(path: Path) -> bool:
    """Whether a file has the mark of DICOM."""
    with path.open("rb") as file:
        return file.read(MARK_AT + len(MARK))[MARK_AT:] == MARK


class Frames(NamedTuple):
    """What a file holds: its frames, shape ``(frame, y, x)``, or why there are none; and what despark did to them."""

    pixels: Pixels | None
    made_by: str
    why_none: str = ""


class Change(NamedTuple):
    """A file to be written: a copy of another one in which some frames, by their number, are replaced."""

    source: Path
    target: Path
    frames: Mapping[int, Pixels]
    comments: Mapping[int, str]


@dataclass
class _Place:
    """How far the way through some files has come."""

    paths: Sequence[Path]
    n_done: int = 0

    def name(self) -> str:
        """Give the name of the file that is at work."""
        return str(self.paths[self.n_done])


def read_frames(paths: Sequence[Path]) -> Iterator[Frames]:
    """Give the frames of one DICOM file after the other.

    Raises
    ------
    RawDataError
        One cannot be read; names it.
    """
    place = _Place(paths)
    for frames in in_child(partial(_frames, paths), place.name, paths):
        place.n_done += 1
        yield frames


def write_changes(changes: Sequence[Change]) -> int:
    """Write files, and give the number of pixels that their types cannot hold."""
    place, n_clipped = _Place([change.source for change in changes]), 0
    for n_here in in_child(partial(_write, changes), place.name, place.paths):
        place.n_done += 1
        n_clipped += n_here
    return n_clipped


class DicomImages(ImageFile):
    """A DICOM file: every frame by itself.

    Parameters
    ----------
    path
        The file.
    frames
        What it holds, where it has been read already.
    """

    kind = "DICOM"

    def __init__(self, path: Path, frames: Frames | None = None) -> None:
        super().__init__(path)
        pixels, self.made_by, why_none = frames or next(read_frames([path]))
        if pixels is None:
            self.notices.append(f"{path}: {why_none}, and is left as it is")
        else:
            self.images = [frame[None, None] for frame in pixels]

    def write(self, path: Path, repaired: Mapping[int, Pixels], comments: Mapping[int, str]) -> int:
        """Write a copy of the file, the images with these numbers replaced; see :class:`ImageFile`."""
        # Without a change it stays the same object, with its own identity.
        if not repaired:
            shutil.copyfile(self.path, path)
            return 0
        return write_changes([Change(self.path, path, repaired, comments)])


def _frames(paths: Sequence[Path]) -> Iterator[Frames]:
    pydicom = imported("pydicom", "reading DICOM")
    for path in paths:
        with readable(path, "DICOM image"):
            file = pydicom.dcmread(path)
            why_none = _why_none(file)
            pixels = None if why_none else _pixels_of(file)
        comment = said_by_despark(str(file.get(name, "")) for name in COMMENTS)
        yield Frames(pixels, comment, why_none)


def _why_none(file: Any) -> str:  # noqa: ANN401 - pydicom is not always installed
    """Say why a file holds nothing that can be repaired, as some in a folder of images do; empty where it does."""
    kind = file.file_meta.get("MediaStorageSOPClassUID")
    # Reports, directories and the like say what they are. An image without pixels is a damaged file.
    if kind and not any(name in file for name in (*PIXEL_ELEMENTS, "Rows")) and "Image" not in kind.name:
        return "holds no image"
    colours = printable(str(file.get("PhotometricInterpretation", "")))
    if int(file.get("SamplesPerPixel", 1)) != 1 or colours == "PALETTE COLOR":
        return f"is no gray image ({colours})"
    highest = int(file.get("BitsStored") or 1) - 1
    # pydicom takes the lowest bits of every pixel, whatever lies there.
    if (file.get("HighBit") or highest) != highest:
        return f"keeps its pixels in other bits than the lowest (up to bit {file.HighBit})"
    component = file.get("ComplexImageComponent", "")
    if component == "MIXED":
        return "holds phases among its images"
    if PHASE.intersection([*_image_type(file)[2:4], component]):
        return "a phase image has no k-space of its own"
    return ""


def _image_type(file: Any) -> list[str]:  # noqa: ANN401 - pydicom is not always installed
    found = file.get("ImageType") or []
    # Of one value pydicom makes no list.
    return [found] if isinstance(found, str) else list(found)


def _pixels_of(file: Any) -> Pixels:  # noqa: ANN401 - pydicom is not always installed
    frames: Pixels = file.pixel_array
    return frames.reshape(-1, *frames.shape[-2:])


def _write(changes: Sequence[Change]) -> Iterator[int]:
    pydicom = imported("pydicom", "reading DICOM")
    for source, target, repaired, comments in changes:
        with readable(source, "DICOM image"):
            file = pydicom.dcmread(source)
            images = _pixels_of(file)
            # DICOM often stores 12 bits in 16: larger numbers would be cut by whoever reads them.
            bits = int(file.BitsStored) if images.dtype.kind in "iu" else None
            changed = [repaired[number][0, 0] if number in repaired else each for number, each in enumerate(images)]
            frames, n_clipped = as_stored(np.stack(changed), images.dtype, bits)
            _put(file, frames)
            # The element holds at most 1024 characters.
            file.DerivationDescription = "; ".join(comments[number] for number in sorted(repaired))[:1024]
        with writable(target):
            file.save_as(target)
        yield n_clipped


def _put(file: Any, frames: Pixels) -> None:  # noqa: ANN401 - pydicom is not always installed
    """Put other frames into a file, and make another image of it."""
    generate_uid = imported("pydicom", "reading DICOM").uid.generate_uid
    # Changed pixels are written plainly; what says how they were compressed has to go, too.
    if file.file_meta.TransferSyntaxUID.is_compressed:
        # Under its own identity: it is named as the source below.
        file.decompress(generate_instance_uid=False)
    # What was counted of the pixels that were there before; nobody needs it.
    for name in filter(file.__contains__, EXTREMES):
        delattr(file, name)
    name = next(each for each in PIXEL_ELEMENTS if each in file)
    setattr(file, name, np.ascontiguousarray(frames).tobytes())
    # What was changed is another image: under the old identity an archive would take one for the other. Its series
    # is another one, too, and the same for all images that were in one.
    if "SOPClassUID" in file and "SOPInstanceUID" in file:
        file.SourceImageSequence = [source_of(file)]
    contributions = file.get("ContributingEquipmentSequence", [])
    file.ContributingEquipmentSequence = [*contributions, our_part("sparks repaired in the image")]
    file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    series = str(file.get("SeriesInstanceUID", ""))
    file.SeriesInstanceUID = generate_uid(entropy_srcs=[series, "despark"] if series else None)
    file.SeriesNumber = int(file.get("SeriesNumber") or 1) + REPAIRED_SERIES
    file.SeriesDescription = name_of_series(str(file.get("SeriesDescription", "")), is_repaired=True)
    file.ImageType = ["DERIVED", *(_image_type(file)[1:] or ["SECONDARY"])]
