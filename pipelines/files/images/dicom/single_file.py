"""A DICOM file, and what a repair makes of it: a file whose pixels were changed is another image."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from pipelines.files.images.dicom.changes import Change, write_changes
from pipelines.files.images.dicom.frames import Frames, read_frames
from pipelines.files.images.image_file import ImageFile, Pixels

MARK = b"DICM"
MARK_AT = 128
"""Bytes that may hold anything stand before the mark."""


def is_dicom(path: Path) -> bool:
    """Whether a file has the mark of DICOM."""
    with path.open("rb") as file:
        return file.read(MARK_AT + len(MARK))[MARK_AT:] == MARK


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
