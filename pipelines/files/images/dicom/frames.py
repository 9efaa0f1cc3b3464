"""DICOM files, read by pydicom.

A child process does it: what a file says of its size, or what it is packed into, may be more than any machine has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from gadgets.outside import printable
from pipelines.files.foreign import in_child
from pipelines.files.images.image_file import Pixels, imported, readable, said_by_despark

PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
PHASE = {"P", "PHASE MAP", "VELOCITY MAP", "PHASE"}
"""As scanners and the standard name what a phase image shows: in ImageType, or in ComplexImageComponent."""

COMMENTS = ("DerivationDescription", "ImageComments")
"""In which despark says what it did."""


class Frames(NamedTuple):
    """What a file holds: its frames, shape ``(frame, y, x)``, or why there are none; and what despark did to them."""

    pixels: Pixels | None
    made_by: str
    why_none: str = ""


@dataclass
class Place:
    """How far the way through some files has come, for the message of an error."""

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
    place = Place(paths)
    for frames in in_child(partial(_frames, paths), place.name, paths):
        place.n_done += 1
        yield frames


def _frames(paths: Sequence[Path]) -> Iterator[Frames]:
    pydicom = imported("pydicom", "reading DICOM")
    for path in paths:
        with readable(path, "DICOM image"):
            file = pydicom.dcmread(path)
            why_none = _why_none(file)
            pixels = None if why_none else pixels_of(file)
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
    if PHASE.intersection([*image_type(file)[2:4], component]):
        return "a phase image has no k-space of its own"
    return ""


def image_type(file: Any) -> list[str]:  # noqa: ANN401 - pydicom is not always installed
    """Give the values that say what kind of image a file holds."""
    found = file.get("ImageType") or []
    # Of one value pydicom makes no list.
    return [found] if isinstance(found, str) else list(found)


def pixels_of(file: Any) -> Pixels:  # noqa: ANN401 - pydicom is not always installed
    """Give the pixels of a file, shape ``(frame, y, x)``."""
    frames: Pixels = file.pixel_array
    return frames.reshape(-1, *frames.shape[-2:])
