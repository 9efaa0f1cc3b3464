"""MRD images as DICOM files: one series of the object "MR Image", a file for every plane.

PS3.3, table A.4-1 of the DICOM standard says which attributes the object needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ismrmrd.xsd import ismrmrdHeader

from gadgets.errors import RawDataError
from pipelines.files.images.dicom.attributes import (
    n_repaired,
    of_the_image,
    of_the_place,
    of_the_series,
    short,
)
from pipelines.files.images.geometry import Geometry, between_slices, geometries
from pipelines.files.images.image_file import Pixels, imported, unquoted
from pipelines.files.images.raw_image import RawImage
from pipelines.files.images.stored_images import StoredImages

LARGEST = 65535
"""That a pixel of 16 bits holds."""

# So that a few bright pixels do not make the rest dark.
WINDOW_PERCENTILE = 99.5


@dataclass(frozen=True, eq=False)
class _Scale:
    """How the stored whole numbers become the pixels of the series: times `slope`, plus `intercept`."""

    slope: float
    intercept: float


def write_dicom_folder(images: StoredImages, header: ismrmrdHeader, folder: Path, target: Path) -> list[str]:
    """Write one file per plane into a new folder; see :func:`datasets`.

    Returns
    -------
        Notices of what the headers do not tell.
    """
    pydicom = imported("pydicom", "writing DICOM")
    made, notices = datasets(images, header, target)
    folder.mkdir()
    with unquoted():
        for count, dataset in enumerate(made, 1):
            pydicom.dcmwrite(folder / f"image_{count:04}.dcm", dataset, enforce_file_format=True)
    return notices


def write_dicom_file(images: StoredImages, header: ismrmrdHeader, path: Path, target: Path) -> list[str]:
    """Write the only plane of a scan; see :func:`datasets`.

    Raises
    ------
    RawDataError
        There are several.
    """
    pydicom = imported("pydicom", "writing DICOM")
    check_one_plane(sum(image.data.shape[1] for image in images), target)
    made, notices = datasets(images, header, target)
    with unquoted():
        pydicom.dcmwrite(path, next(made), enforce_file_format=True)
    return notices


def check_one_plane(n_planes: int, target: Path) -> None:
    """Raise RawDataError if a scan makes more than the one image that a DICOM file holds."""
    if n_planes > 1:
        folder = target.with_suffix("")
        raise RawDataError(
            f"{target}: one DICOM file holds one image, and this scan makes {n_planes}; name a folder: -o {folder}/"
        )


def datasets(images: StoredImages, header: ismrmrdHeader, target: Path) -> tuple[Iterator[Any], list[str]]:
    """Give the DICOM objects of a series, one by one, and notices of what the headers do not tell.

    All have one scale. Pixels are rounded to 16 bits: their error is at most half of ``RescaleSlope``.

    Raises
    ------
    RawDataError
        An image has several channels, or pixels that are complex or not finite.
    """
    ranges = np.array([_range(image, target) for image in images])
    places, notices = geometries(images)
    whole = all(image.data.dtype.kind in "iu" for image in images)
    scale = _scale(ranges[:, 0].min(), ranges[:, 1].max(), is_whole=whole)
    # One window for all, so that slices, and repaired and original images, are shown alike.
    scaling = _scaling(ranges[:, 2].min(), ranges[:, 3].max(), scale)
    originals = [image.is_original for image in images]
    # Beside a second series of the data as acquired, the first one is that of the repair, whatever was found.
    is_repaired = any(originals) or any(n_repaired(image) for image in images)
    distance = between_slices(places)
    shared = scaling if distance is None else {**scaling, "SpacingBetweenSlices": short(distance)}
    common = [of_the_series(header, is_repaired=each) | shared for each in (is_repaired, False)]
    return _planes(images, places, scale, [common[original] for original in originals], header), notices


def _range(image: RawImage, target: Path) -> tuple[float, float, float, float]:
    """Give the smallest and the largest pixel of an image that DICOM can hold; and those that are black and white."""
    pixels = image.pixels
    if pixels.shape[0] != 1 or np.iscomplexobj(pixels):
        found = f"{pixels.shape[0]} channels of {pixels.dtype}"
        raise RawDataError(f"{target}: a DICOM image has one real channel, found {found}; name a file .h5")
    if not np.isfinite(pixels).all():
        raise RawDataError(f"{target}: DICOM holds finite pixels only, found NaN or infinite ones; name a file .h5")
    # Zero is part of every range, so that the intercept of magnitudes is zero.
    black, white = np.percentile(pixels, (100 - WINDOW_PERCENTILE, WINDOW_PERCENTILE))
    return float(pixels.min(initial=0)), float(pixels.max(initial=0)), float(black), float(white)


def _scale(low: float, high: float, *, is_whole: bool) -> _Scale:
    pydicom = imported("pydicom", "writing DICOM")
    if is_whole and low >= 0 and high <= LARGEST:
        return _Scale(1.0, 0.0)
    # DICOM writes numbers with 16 characters: what is stored has to fit what is read.
    slope = float(pydicom.valuerep.DSfloat((high - low) / LARGEST or 1.0, auto_format=True).__str__())
    return _Scale(slope, float(pydicom.valuerep.DSfloat(low, auto_format=True).__str__()))


def _planes(
    images: StoredImages,
    places: list[Geometry],
    scale: _Scale,
    series: Sequence[Mapping[str, Any]],
    header: ismrmrdHeader,
) -> Iterator[Any]:
    count = 0
    for image, place, common in zip(images, places, series, strict=True):
        pixels = image.pixels[0]
        own = of_the_image(image, header)
        for plane, values in enumerate(pixels):
            count += 1
            yield _dataset({**common, **own, **of_the_place(place, plane)}, count, values, scale)


def _scaling(low: float, high: float, scale: _Scale) -> dict[str, Any]:
    width = max(short(high - low), scale.slope)
    return {
        "RescaleSlope": scale.slope,
        "RescaleIntercept": scale.intercept,
        "RescaleType": "US",
        "WindowCenter": short((low + high) / 2),
        "WindowWidth": width,
        # The usual function is defined for widths from 1 on; pixels of some scanners are far smaller.
        **({"VOILUTFunction": "LINEAR_EXACT"} if width < 1 else {}),
    }


def _dataset(attributes: Mapping[str, Any], count: int, values: Pixels, scale: _Scale) -> Any:  # noqa: ANN401 - untyped
    pydicom = imported("pydicom", "writing DICOM")
    dataset = pydicom.Dataset()
    for name, attribute in attributes.items():
        setattr(dataset, name, attribute)
    dataset.SOPInstanceUID = pydicom.uid.generate_uid()
    dataset.InstanceNumber = count
    dataset.Rows, dataset.Columns = values.shape
    stored = np.rint((values.astype(np.float64) - scale.intercept) / scale.slope)
    # The rounded slope may put the largest pixel one number beyond what 16 bits hold.
    dataset.PixelData = np.clip(stored, 0, LARGEST).astype("<u2").tobytes()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return dataset
