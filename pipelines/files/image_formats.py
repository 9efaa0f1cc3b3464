"""Images in the files that people keep them in: MRD, NIfTI and DICOM, read to be written back into the same container.

NIfTI and DICOM are read by nibabel and pydicom, which the extra ``images`` brings.
"""

from __future__ import annotations

import gzip
import importlib
import shutil
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ismrmrd.constants import IMTYPE_PHASE
from numpy.typing import NDArray

from gadgets.errors import DesparkError, RawDataError
from pipelines.files.hdf5_file import check_regular, find, open_hdf5, refused
from pipelines.files.image_pixels import as_stored
from pipelines.files.mrd_series import PIXEL_PAIR, read_series

Pixels = NDArray[Any]
PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


class ImageFile(ABC):
    """The images of one file.

    Attributes
    ----------
    path
        Where they were read from.
    images
        What is transformed as a whole, each of shape ``(channel, z, y, x)``: real or complex values.
    notices
        What of the file is left as it is, and why.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.images: list[Pixels] = []
        self.notices: list[str] = []

    @abstractmethod
    def write(self, path: Path, repaired: Mapping[int, Pixels], comments: Mapping[int, str]) -> int:
        """Write a copy of the file, the images with these numbers replaced; everything else stays.

        Parameters
        ----------
        path
            Not there yet.
        repaired
            Images by their number, not yet in the type of the file.
        comments
            What was done to each, for containers that have a place for it.

        Returns
        -------
            Number of pixels that the file's type cannot hold, and that have its largest or smallest value instead.
        """


class MrdImages(ImageFile):
    """All image series below one group of an MRD file, as ``despark replay`` and Gadgetron's client write them."""

    def __init__(self, path: Path, group: str) -> None:
        super().__init__(path)
        self._places: list[tuple[str, int]] = []
        with open_hdf5(path) as file:
            found = find(file, group, str(path))
            if not isinstance(found, h5py.Group):
                instead = ", ".join(file) or "none" if found is None else f"a {type(found).__name__.lower()}"
                raise RawDataError(f"{path}: expected a group {group!r} with MRD images, found: {instead}")
            for name in found:
                self._read(f"{group}/{name}", find(found, name, str(path)))

    def _read(self, name: str, series: Any) -> None:  # noqa: ANN401 - h5py is untyped
        if not isinstance(series, h5py.Group) or not {"data", "header"} <= set(series):
            return
        # MRD says of every image whether it is a magnitude, a phase or complex.
        data, types = read_series(series, str(self.path))
        for number, (pixels, image_type) in enumerate(zip(data, types, strict=True)):
            if image_type == IMTYPE_PHASE:
                self.notices.append(
                    f"{name}, image {number}: a phase image has no k-space of its own, and is left as it is"
                )
                continue
            is_pair = pixels.dtype.names == PIXEL_PAIR
            self.images.append(pixels["real"] + 1j * pixels["imag"] if is_pair else pixels)
            self._places.append((f"{name}/data", number))

    def write(self, path: Path, repaired: Mapping[int, Pixels], comments: Mapping[int, str]) -> int:  # noqa: ARG002
        """Write a copy of the file, the images with these numbers replaced; see :class:`ImageFile`."""
        # A copy first: all that is not an image, and every image that is not repaired, stays as it is.
        shutil.copyfile(self.path, path)
        n_clipped = 0
        with refused(f"{path}: cannot be written"), h5py.File(path, "r+") as file:
            for number, pixels in repaired.items():
                name, index = self._places[number]
                dataset = file[name]
                if dataset.dtype.names:
                    stored = np.empty(pixels.shape, dataset.dtype)
                    stored["real"], stored["imag"] = pixels.real, pixels.imag
                else:
                    stored, n_here = as_stored(pixels, dataset.dtype)
                    n_clipped += n_here
                dataset[index] = stored
        return n_clipped


class NiftiImages(ImageFile):
    """A NIfTI file: every slice of every volume by itself, or every volume as a whole."""

    def __init__(self, path: Path, *, is_volume: bool) -> None:
        super().__init__(path)
        self._is_volume = is_volume
        nibabel = _imported("nibabel", "NIfTI")
        try:
            self._file = nibabel.load(path)
            data = np.asanyarray(self._file.dataobj)
        except (EOFError, OSError, ValueError, zlib.error, nibabel.filebasedimages.ImageFileError) as error:
            raise RawDataError(f"{path}: not a readable NIfTI file ({error})") from error
        if data.dtype.names or data.ndim < 2:
            raise RawDataError(f"{path}: expected gray or complex images, found {data.dtype} of shape {data.shape}")
        self.images = [image.reshape(1, *(1,) * (3 - image.ndim), *image.shape) for image in self._as_stack(data)]

    def write(self, path: Path, repaired: Mapping[int, Pixels], comments: Mapping[int, str]) -> int:  # noqa: ARG002
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
        # By bytes, because nibabel tells by the name whether to compress, and the name is a temporary one.
        content = copy.to_bytes()
        path.write_bytes(gzip.compress(content) if self.path.name.lower().endswith(".gz") else content)
        return n_clipped

    def _as_stack(self, data: Pixels) -> Pixels:
        """Give what is transformed as a whole, one behind the other; a view of `data`."""
        n_axes = min(3 if self._is_volume else 2, data.ndim)
        reversed_axes = data.T
        return reversed_axes.reshape(-1, *reversed_axes.shape[-n_axes:])


class DicomImages(ImageFile):
    """A DICOM file: every frame by itself."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        pydicom = _imported("pydicom", "DICOM")
        try:
            self._file = pydicom.dcmread(path)
            frames = self._file.pixel_array
        except (
            AttributeError,
            NotImplementedError,
            OSError,
            RuntimeError,
            ValueError,
            pydicom.errors.InvalidDicomError,
        ) as error:
            raise RawDataError(f"{path}: not a readable DICOM image ({error})") from error
        if int(self._file.get("SamplesPerPixel", 1)) != 1:
            raise RawDataError(f"{path}: expected a gray image, found {self._file.PhotometricInterpretation}")
        if "P" in list(self._file.get("ImageType", []))[2:3]:
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
        pydicom = _imported("pydicom", "DICOM")
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
        # What was changed is another image: under the old identity an archive would take one for the other.
        file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        file.ImageType = ["DERIVED", *(list(file.get("ImageType", []))[1:] or ["SECONDARY"])]
        # The element holds at most 1024 characters.
        file.DerivationDescription = "; ".join(comments[number] for number in sorted(repaired))[:1024]
        file.save_as(path)
        return n_clipped


def _imported(name: str, what: str) -> Any:  # noqa: ANN401 - untyped, and not always installed
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise DesparkError(
            f'reading {what} needs {name}, which is not installed: pip install "despark[images]"'
        ) from error


def open_images(path: Path, group: str = "images", *, is_volume: bool = False) -> ImageFile:
    """Read the images of a file, whatever its container.

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
    check_regular(path)
    try:
        with path.open("rb") as file:
            # DICOM has its mark behind 128 bytes that may hold anything; the others begin with theirs.
            start = file.read(132)
    except OSError as error:
        raise RawDataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        return MrdImages(path, group)
    if path.name.lower().endswith((".nii", ".nii.gz")):
        return NiftiImages(path, is_volume=is_volume)
    if start[128:] == b"DICM":
        return DicomImages(path)
    raise RawDataError(f"{path}: expected MRD images (HDF5), NIfTI (.nii, .nii.gz) or DICOM, found none of these")
