"""MRD images as one NIfTI volume, or a series of volumes, with their place in the patient."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from gadgets.arrays import FloatArray
from gadgets.errors import RawDataError
from pipelines.files.images.geometry import NEAR, Geometry, geometries
from pipelines.files.images.image_file import imported
from pipelines.files.images.raw_image import RawImage
from pipelines.files.images.stored_images import StoredImages

VOLUME_COUNTERS = ("average", "contrast", "phase", "repetition", "set", "image_series_index")
"""What tells one volume from another; a slice is told by its place."""

# NIfTI counts x to the patient's right and y to the front.
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
# Its field has 80 bytes, of which the last is a zero.
COMMENT_CHARACTERS = 79
ELSEWHERE = "name a folder, which takes images of any kind as DICOM, or a file .h5"


def write_nifti(images: StoredImages, path: Path, target: Path) -> list[str]:
    """Write images as axes ``(x, y, z)`` or ``(x, y, z, volume)``, values unchanged.

    Parameters
    ----------
    path
        To write.
    target
        The name that it gets in the end, which says whether to compress.

    Returns
    -------
        Notices of what the headers do not tell.

    Raises
    ------
    RawDataError
        The images do not form one volume, or equal volumes.
    """
    nibabel = imported("nibabel", "writing NIfTI")
    series = list(images)
    places, notices = geometries(series)
    _check_alike(series, places, target)
    volumes: dict[tuple[int, ...], list[int]] = {}
    # By place, not by number: a NIfTI file says of its planes only where the first one is and how far the next.
    for number in sorted(range(len(series)), key=lambda number: places[number].height):
        counters = tuple(int(series[number].fields[name]) for name in VOLUME_COUNTERS)
        volumes.setdefault(counters, []).append(number)
    order = [volumes[counters] for counters in sorted(volumes)]
    affine = LPS_TO_RAS @ _affine([places[number] for number in order[0]], series[0].data.shape[1], target)
    if any(not _at_one_place(places, order[0], numbers) for numbers in order):
        raise RawDataError(f"{target}: the volumes do not lie at one place; {ELSEWHERE}")
    stack = np.stack([np.concatenate([series[number].pixels[0] for number in numbers]) for numbers in order])
    # Memory runs the other way round in NIfTI: x first.
    data = stack.T if len(order) > 1 else stack[0].T
    file = nibabel.Nifti1Image(data, affine)
    # Code 1: these are places in the scanner, not ones that were aligned later.
    file.set_sform(affine, 1)
    file.set_qform(affine, 1)
    file.header.set_xyzt_units("mm", "sec")
    comment = series[0].meta.get("ImageComments", "despark")[:COMMENT_CHARACTERS]
    file.header["descrip"] = comment.encode("ascii", "replace")
    # By bytes, because nibabel tells by the name whether to compress, and the name is a temporary one.
    content = file.to_bytes()
    path.write_bytes(gzip.compress(content) if target.name.lower().endswith(".gz") else content)
    return notices


def _check_alike(series: list[RawImage], places: list[Geometry], target: Path) -> None:
    """Raise RawDataError unless all images have one size, direction and kind."""
    shapes = {image.data.shape for image in series}
    if len(shapes) > 1 or next(iter(shapes))[0] != 1:
        raise RawDataError(
            f"{target}: expected images of one size and one channel, found (channel, z, y, x) = "
            f"{', '.join(map(str, sorted(shapes)))}; {ELSEWHERE}"
        )
    first = places[0]
    if not all(np.allclose(place.directions, first.directions, atol=NEAR) for place in places):
        raise RawDataError(f"{target}: one NIfTI file holds images of one direction, found several; {ELSEWHERE}")


def _affine(stack: list[Geometry], n_planes: int, target: Path) -> FloatArray:
    """Give the matrix from indices along x, y and z to mm in LPS, of images sorted by height."""
    first = stack[0]
    steps = first.directions * first.spacing[:, np.newaxis]
    if len(stack) > 1:
        if n_planes > 1:
            raise RawDataError(f"{target}: expected one slab of partitions, found {len(stack)}; {ELSEWHERE}")
        heights = np.diff([place.height for place in stack])
        if heights.min() < NEAR or np.ptp(heights) > NEAR * heights.max() + NEAR:
            found = ", ".join(f"{gap:.4g}" for gap in sorted(set(np.round(heights, 3))))
            raise RawDataError(f"{target}: expected slices at equal distances, found {found} mm; {ELSEWHERE}")
        # From the first to the last: slices may be shifted against each other, too.
        steps[2] = (stack[-1].first - first.first) / (len(stack) - 1)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = steps.T, first.first
    return affine


def _at_one_place(places: list[Geometry], first: list[int], other: list[int]) -> bool:
    return len(first) == len(other) and all(
        np.allclose(places[one].first, places[two].first, atol=NEAR) for one, two in zip(first, other, strict=True)
    )
