"""A folder of DICOM files, which are repaired together and written to a folder of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path

from gadgets.errors import RawDataError
from pipelines.files.foreign import Identity
from pipelines.files.images.dicom.changes import Change, write_changes
from pipelines.files.images.dicom.frames import read_frames
from pipelines.files.images.dicom.single_file import DicomImages, is_dicom
from pipelines.files.images.image_file import OWN, ImageFile, Pixels, said_by_despark


class DicomFolder(ImageFile):
    """All DICOM images in a folder and in the folders below it, in the order of their names."""

    kind = "DICOM folder"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        # Sorted, because a disk gives names in any order.
        there = sorted(path.rglob("*"))
        files = [each for each in there if each.is_file()]
        found = [each for each in files if is_dicom(each)]
        if not found:
            raise RawDataError(f"{path}: expected DICOM files in this folder, found none in {len(files)} files")
        # Before the first of them is read, as they are read ahead.
        self._identities = {each: Identity.of(each) for each in found}
        self._files = [DicomImages(*each) for each in zip(found, read_frames(found), strict=True)]
        self.images = [image for file in self._files for image in file.images]
        self.made_by = said_by_despark(f"{OWN}{file.made_by}" for file in self._files if file.made_by)
        self.notices = [notice for file in self._files for notice in file.notices]
        if n_others := len(files) - len(self._files):
            self.notices.append(f"{path}: {n_others} files that are not DICOM are not copied")
        # Followed, they might lead in circles.
        if n_links := sum(each.is_symlink() and each.is_dir() for each in there):
            self.notices.append(f"{path}: {n_links} links to folders are not followed")

    def check_unchanged(self) -> None:
        """Raise RawDataError unless all files are still those that were read."""
        for path, identity in self._identities.items():
            if identity is not None:
                identity.check(path)

    def write(self, path: Path, repaired: Mapping[int, Pixels], comments: Mapping[int, str]) -> int:
        """Write a copy of the folder, the images with these numbers replaced; see :class:`ImageFile`."""
        path.mkdir()
        changes = []
        starts = accumulate((len(file.images) for file in self._files), initial=0)
        # There is one start more than files: where all images end.
        for start, file in zip(starts, self._files, strict=False):
            target = path / file.path.relative_to(self.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            own = {number: start + number for number in range(len(file.images)) if start + number in repaired}
            if own:
                frames = {number: repaired[whole] for number, whole in own.items()}
                changes.append(
                    Change(file.path, target, frames, {number: comments[whole] for number, whole in own.items()})
                )
            else:
                file.write(target, {}, {})
        # All in one process: it has to import what writes them.
        return write_changes(changes) if changes else 0
