"""Where in the patient the pixels of an MRD image lie.

MRD and DICOM name directions alike, in LPS: x to the patient's left, y to the back, z to the head, in mm. The centre of
the field of view is the pixel at half of each axis, where the FFT has its centre; Gadgetron's own DICOM gadget puts it
there, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from gadgets.arrays import FloatArray
from pipelines.files.images.raw_image import RawImage

DIRECTIONS = ("read_dir", "phase_dir", "slice_dir")
NEAR = 1e-3
"""Millimetres, or parts of a unit vector, below which places and directions are the same."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the pixels of one image lie, along x, y and z of the array.

    Attributes
    ----------
    first
        Place of the centre of the first pixel, in mm.
    directions
        Unit vectors along x, y and z, one per row.
    spacing
        Between neighbouring pixels along x, y and z, in mm.
    n_planes
        Pixels along z.
    """

    first: FloatArray
    directions: FloatArray
    spacing: FloatArray

    n_planes: int

    def plane(self, number: int) -> FloatArray:
        """Give the place of the first pixel of a plane, counted along z from 0."""
        place: FloatArray = self.first + number * self.spacing[2] * self.directions[2]
        return place

    @property
    def height(self) -> float:
        """How far along the normal of its planes the image lies, in mm."""
        return float(self.first @ self.directions[2])


def geometries(images: Iterable[RawImage]) -> tuple[list[Geometry], list[str]]:
    """Find the place of every image, and say what the headers do not tell.

    Returns
    -------
        The places in the order of the images; and notices of what was taken for granted in place of them.
    """
    places, slices, is_placed = [], [], True
    notices: list[str] = []
    for image in images:
        place, is_told = _geometry(image)
        places.append(place)
        slices.append(int(image.fields["slice"]))
        is_placed &= bool(np.isfinite(image.fields["position"]).all())
        if not is_told and not notices:
            notices.append("the headers name no directions; the images are written as axial ones")
    if not is_placed:
        notices.append("the headers name no place that is a number; it is taken as 0")
    if len(set(slices)) > 1 and _same_place(places):
        # Told by the number alone: the order is right, gaps and the place in the patient are not known.
        notices.append("the headers put all slices at one place; they are written one slice thickness apart")
        middle = (min(slices) + max(slices)) / 2
        places = [
            replace(place, first=place.plane(0) + (number - middle) * place.spacing[2] * place.directions[2])
            for place, number in zip(places, slices, strict=True)
        ]
    return places, notices


def between_slices(places: Iterable[Geometry]) -> float | None:
    """Give the distance of neighbouring planes from centre to centre, in mm; None where it is not one for all.

    Thickness and gap together: the thickness alone does not tell how far the next slice is.
    """
    places = list(places)
    normals = [place.directions[2] for place in places]
    if not all(np.allclose(normal, normals[0], atol=NEAR) for normal in normals):
        return None
    heights = np.sort([place.plane(number) @ normals[0] for place in places for number in range(place.n_planes)])
    # Repetitions, echoes and images as acquired lie where others do.
    distances = np.diff(heights)
    distances = distances[distances > NEAR]
    if not distances.size or np.ptp(distances) > NEAR * distances.max() + NEAR:
        return None
    # Headers hold places in single precision.
    return round(float(distances.mean()), 4)


def _geometry(image: RawImage) -> tuple[Geometry, bool]:
    """Give the place of an image, and whether its header names directions."""
    directions = np.array([image.fields[name] for name in DIRECTIONS], np.float64)
    is_told = _is_a_frame(directions)
    if not is_told:
        directions = np.eye(3)
    # From ``(channel, z, y, x)`` to x, y, z.
    matrix = np.array(image.data.shape[:0:-1], np.float64)
    field_of_view = np.array(image.fields["field_of_view"], np.float64)
    # Without a size a pixel is taken as a millimetre, as viewers do.
    spacing = np.where(np.isfinite(field_of_view) & (field_of_view > 0), field_of_view / matrix, 1.0)
    centre = np.nan_to_num(np.array(image.fields["position"], np.float64), posinf=0, neginf=0)
    first = centre - (matrix // 2 * spacing) @ directions
    return Geometry(first, directions, spacing, image.data.shape[1]), is_told


def _is_a_frame(directions: FloatArray) -> bool:
    """Whether three directions are unit vectors at right angles."""
    return bool(np.isfinite(directions).all() and np.allclose(directions @ directions.T, np.eye(3), atol=10 * NEAR))


def _same_place(places: list[Geometry]) -> bool:
    return all(np.allclose(place.first, places[0].first, atol=NEAR) for place in places)
