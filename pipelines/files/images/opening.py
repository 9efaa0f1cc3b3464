"""Which container is it? Told by what a file begins with, NIfTI by its name."""

from __future__ import annotations

from pathlib import Path

from gadgets.errors import RawDataError
from pipelines.files.foreign import check_regular, hint
from pipelines.files.images.dicom.folder import DicomFolder
from pipelines.files.images.dicom.single_file import DicomImages, is_dicom
from pipelines.files.images.image_file import ImageFile
from pipelines.files.images.mrd_images import MrdImages
from pipelines.files.images.nifti_images import NiftiImages

HDF5 = b"\x89HDF\r\n\x1a\n"


def open_images(path: Path, group: str = "images", *, is_volume: bool = False) -> ImageFile:
    """Read the images of a file, whatever its container, or of a folder of DICOM files.

    Parameters
    ----------
    group
        Of the images in an MRD file.
    is_volume
        The images of a NIfTI file were acquired in 3D: each volume has one k-space.

    Raises
    ------
    RawDataError
        The file cannot be read, or is none of these.
    DesparkError
        The library that reads it is not installed.
    """
    try:
        if path.is_dir():
            return DicomFolder(path)
        check_regular(path)
        with path.open("rb") as file:
            start = file.read(len(HDF5))
        has_mark = is_dicom(path)
    except OSError as error:
        raise RawDataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if start == HDF5:
        return MrdImages(path, group)
    # By its name, since a compressed one begins as any other compressed file does.
    if path.name.lower().endswith((".nii", ".nii.gz")):
        return NiftiImages(path, is_volume=is_volume)
    if has_mark:
        return DicomImages(path)
    more = hint(path, wants_images=True)
    raise RawDataError(f"{path}: expected MRD images (HDF5), NIfTI (.nii, .nii.gz) or DICOM, found none of these{more}")
