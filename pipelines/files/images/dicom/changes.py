"""DICOM files, written anew by pydicom with other pixels, in a child process as they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipelines.files.foreign import in_child
from pipelines.files.images.dicom.attributes import REPAIRED_SERIES, name_of_series
from pipelines.files.images.dicom.frames import PIXEL_ELEMENTS, Place, image_type, pixels_of
from pipelines.files.images.dicom.provenance import our_part, source_of
from pipelines.files.images.image_file import Pixels, imported, readable, writable
from pipelines.files.images.pixels import as_stored

EXTREMES = tuple(
    f"{which}{what}" for which in ("Smallest", "Largest") for what in ("ImagePixelValue", "PixelValueInSeries")
)


class Change(NamedTuple):
    """A file to be written: a copy of another one in which some frames, by their number, are replaced."""

    source: Path
    target: Path
    frames: Mapping[int, Pixels]
    comments: Mapping[int, str]


def write_changes(changes: Sequence[Change]) -> int:
    """Write files, and give the number of pixels that their types cannot hold."""
    place, n_clipped = Place([change.source for change in changes]), 0
    for n_here in in_child(partial(_write, changes), place.name, place.paths):
        place.n_done += 1
        n_clipped += n_here
    return n_clipped


def _write(changes: Sequence[Change]) -> Iterator[int]:
    pydicom = imported("pydicom", "reading DICOM")
    for source, target, repaired, comments in changes:
        with readable(source, "DICOM image"):
            file = pydicom.dcmread(source)
            images = pixels_of(file)
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
    file.ImageType = ["DERIVED", *(image_type(file)[1:] or ["SECONDARY"])]
