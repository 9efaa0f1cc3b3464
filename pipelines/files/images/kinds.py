"""The kind of file that the name of an output asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ismrmrd.xsd import ismrmrdHeader

from gadgets.errors import RawDataError
from pipelines.files.images.dicom.series import check_one_plane, write_dicom_file, write_dicom_folder
from pipelines.files.images.image_file import Kind, imported
from pipelines.files.images.nifti_volume import write_nifti
from pipelines.files.images.png_sheet import write_png
from pipelines.files.images.stored_images import StoredImages

ENDINGS: dict[str, Kind] = {
    ".h5": "MRD",
    ".hdf5": "MRD",
    ".mrd": "MRD",
    ".dcm": "DICOM",
    ".nii": "NIfTI",
    ".nii.gz": "NIfTI",
    ".png": "PNG",
}
LIBRARIES = {"DICOM": "pydicom", "DICOM folder": "pydicom", "NIfTI": "nibabel"}
STDOUT = Path("-")
SERVED = "MRD (.h5), DICOM (.dcm, or a folder), NIfTI (.nii, .nii.gz), PNG (.png)"


@dataclass(frozen=True)
class Target:
    """A file or folder to write.

    Attributes
    ----------
    path
        Its name.
    kind
        What the name asks for.
    """

    path: Path
    kind: Kind

    @classmethod
    def of(cls, path: Path) -> Target:
        """Tell the kind by the name: a name without an ending is a folder.

        Raises
        ------
        RawDataError
            Nothing of the kind that the name asks for can be written, or it is standard output.
        DesparkError
            The library that writes it is not installed.
        """
        if path == STDOUT:
            raise RawDataError("-: expected the name of a file or a folder; for pipes there is despark stream")
        is_folder = path.is_dir() or not path.suffix
        kind = "DICOM folder" if is_folder else ENDINGS.get(ending(path))
        if kind is None:
            raise RawDataError(f"{path}: expected the name of what can be written, {SERVED}; found {path.suffix}")
        if kind in LIBRARIES:
            imported(LIBRARIES[kind], f"writing {path}")
        return cls(path, kind)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of files."""
        return self.kind == "DICOM folder"

    def check(self, n_images: int) -> None:
        """Raise RawDataError if a scan is known to make more images than fit in."""
        if self.kind == "DICOM":
            check_one_plane(n_images, self.path)

    def write(self, images: StoredImages, header: ismrmrdHeader, path: Path) -> list[str]:
        """Write images that lie in an MRD file.

        Parameters
        ----------
        header
            Of the raw data they were made of.
        path
            Not there yet; takes the name of the target later.

        Returns
        -------
            Notices of what the headers do not tell.

        Raises
        ------
        RawDataError
            This kind of file cannot hold them.
        """
        if self.kind == "NIfTI":
            return write_nifti(images, path, self.path)
        if self.kind == "PNG":
            write_png(images, path)
            return []
        write = write_dicom_folder if self.is_folder else write_dicom_file
        return write(images, header, path, self.path)


def named_output(name: str) -> Path:
    """Read the name that a person gives an output: without an ending, a file may be meant as well as a folder.

    Raises
    ------
    RawDataError
        It has no ending, no slash at its end, and is no folder that is there.
    """
    path = Path(name)
    if path == STDOUT or path.suffix or name.endswith("/") or path.is_dir():
        return path
    raise RawDataError(f"{name}: expected a name that says what to write, {SERVED}; for a folder: -o {name}/")


def ending(path: Path) -> str:
    """Give what a name ends with, in small letters, the two parts of ``.nii.gz`` together."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def check_same_kind(output: Path, source: Path, kind: Kind) -> None:
    """Raise RawDataError unless an output is named as a container of the kind that the source is."""
    asked, given = ending(output), ending(source)
    # What nobody knows may be any kind of it, as DICOM files often have no ending at all.
    # One kind, but two endings that say something: whether a NIfTI file is compressed.
    if asked == given or (ENDINGS.get(asked) == kind != "NIfTI"):
        return
    raise RawDataError(
        f"{output}: the images are written as the {kind} that they were in; expected a name that ends with "
        f"{given or 'nothing'}, found {asked or 'none'}"
    )
