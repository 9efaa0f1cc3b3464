"""Where pixels lie in the patient: in DICOM and in NIfTI, against places that were worked out by hand."""

from __future__ import annotations

from pathlib import Path

import ismrmrd.xsd
import numpy as np
import pytest
from helpers.images.placed import placed_image, stored
from helpers.raw_scans import HEADER

from pipelines.files.images.dicom.series import write_dicom_folder
from pipelines.files.images.nifti_volume import write_nifti

pydicom = pytest.importorskip("pydicom")
nibabel = pytest.importorskip("nibabel")

CENTRE = (10, -20, 30)
"""Of every field of view: 10 mm to the patient's left, 20 to the front, 30 to the head."""

LEFT, BACK, HEAD, FEET = (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1)

# 4 x 6 pixels of 2 x 1.5 mm, planes 2 mm apart. The centre is pixel 2 along x, 3 along y, half of the planes along z.
# So the first pixel lies 4 mm and 4.5 mm before the centre; the last one 6 mm and 7.5 mm behind the first.
CASES = {
    "axial": ((LEFT, BACK, HEAD), 1, (6, -24.5, 30), (12, -17, 30)),
    "coronal": ((LEFT, FEET, BACK), 1, (6, -20, 34.5), (12, -20, 27)),
    "sagittal": ((BACK, FEET, (-1, 0, 0)), 1, (10, -24, 34.5), (10, -18, 27)),
    "sagittal, phase to the back": ((HEAD, BACK, (-1, 0, 0)), 1, (10, -24.5, 26), (10, -17, 32)),
    "oblique, turned about left": ((LEFT, (0, 0.8, 0.6), (0, -0.6, 0.8)), 1, (6, -23.6, 27.3), (12, -17.6, 31.8)),
    "oblique, turned in its plane": (((0.6, 0.8, 0), (-0.8, 0.6, 0), HEAD), 1, (11.2, -25.9, 30), (8.8, -16.6, 30)),
    # The centre is the third of four planes and of five.
    "volume, axial": ((LEFT, BACK, HEAD), 4, (6, -24.5, 26), (12, -17, 32)),
    "volume, five planes": ((LEFT, BACK, HEAD), 5, (6, -24.5, 26), (12, -17, 34)),
    "volume, planes towards the feet": ((LEFT, BACK, FEET), 4, (6, -24.5, 34), (12, -17, 28)),
    "volume, coronal": ((LEFT, FEET, BACK), 4, (6, -24, 34.5), (12, -18, 27)),
    "volume, oblique": ((LEFT, (0, 0.8, 0.6), (0, -0.6, 0.8)), 4, (6, -21.2, 24.1), (12, -18.8, 33.4)),
}


def header():
    return ismrmrd.xsd.CreateFromDocument(HEADER)


def dicom_files(folder, images):
    write_dicom_folder(images, header(), folder / "dicom", Path("dicom"))
    return [pydicom.dcmread(path) for path in sorted((folder / "dicom").iterdir())]


def place_in_dicom(file, column, row):
    """As the standard says (PS3.3, C.7.6.2.1.1): columns run along the first direction, rows along the second."""
    along_rows, along_columns = np.reshape(file.ImageOrientationPatient, (2, 3)).astype(float)
    between_rows, between_columns = map(float, file.PixelSpacing)
    first = np.array(file.ImagePositionPatient, float)
    return first + column * between_columns * along_rows + row * between_rows * along_columns


@pytest.mark.parametrize(("directions", "n_planes", "first", "last"), CASES.values(), ids=CASES)
def test_pixels_lie_where_they_were_worked_out_to_lie(tmp_path, directions, n_planes, first, last):
    pixels = np.zeros((n_planes, 6, 4), np.float32)
    pixels[0, 0, 0], pixels[-1, -1, -1] = 1, 2
    images = stored(tmp_path / "in.h5", placed_image(pixels, CENTRE, np.array(directions), (8, 9, 2 * n_planes)))
    files = dicom_files(tmp_path, images)
    assert (files[0].pixel_array[0, 0] > 0, files[-1].pixel_array[-1, -1] > 0) == (True, True)
    np.testing.assert_allclose(place_in_dicom(files[0], 0, 0), first, atol=1e-6)
    np.testing.assert_allclose(place_in_dicom(files[-1], 3, 5), last, atol=1e-6)
    write_nifti(images, tmp_path / "out.nii", Path("out.nii"))
    volume = nibabel.load(tmp_path / "out.nii")
    for value, (left, back, head) in ((1, first), (2, last)):
        (index,) = np.argwhere(volume.get_fdata() == value)
        # NIfTI counts to the right and to the front.
        for affine in (volume.affine, volume.get_qform()):
            np.testing.assert_allclose((affine @ [*index, 1])[:3], [-left, -back, head], atol=1e-4)


@pytest.mark.parametrize(("gap", "thickness"), [(5.0, 5.0), (6.5, 5.0), (4.0, 5.0)])
def test_the_distance_of_slices_is_told_beside_their_thickness(tmp_path, gap, thickness):
    """Slices in the order 2, 0, 1, in two repetitions: the distance follows from their places, not from their order."""
    normal = np.array([0, -0.6, 0.8])
    directions = np.array([LEFT, (0, 0.8, 0.6), normal])
    plane = np.ones((1, 6, 4), np.float32)
    images = [
        placed_image(plane, np.add(CENTRE, gap * n * normal), directions, (8, 9, thickness), slice=n, repetition=r)
        for r in range(2)
        for n in (2, 0, 1)
    ]
    files = dicom_files(tmp_path, stored(tmp_path / "in.h5", *images))
    assert {(float(file.SpacingBetweenSlices), float(file.SliceThickness)) for file in files} == {(gap, thickness)}


def test_a_volume_tells_the_distance_of_its_partitions(tmp_path):
    volume = placed_image(np.ones((4, 6, 4), np.float32), CENTRE, np.eye(3), (8, 9, 6))
    files = dicom_files(tmp_path, stored(tmp_path / "in.h5", volume))
    assert {(float(file.SpacingBetweenSlices), float(file.SliceThickness)) for file in files} == {(1.5, 1.5)}


def test_slices_without_one_distance_tell_none(tmp_path):
    plane = np.ones((1, 6, 4), np.float32)
    uneven = [placed_image(plane, (0, 0, z), np.eye(3), slice=n) for n, z in enumerate((0, 5, 12))]
    assert not any("SpacingBetweenSlices" in file for file in dicom_files(tmp_path, stored(tmp_path / "a.h5", *uneven)))
    crossed = [placed_image(plane, directions=np.roll(np.eye(3), n, axis=0), slice=n) for n in range(2)]
    (tmp_path / "b").mkdir()
    files = dicom_files(tmp_path / "b", stored(tmp_path / "b.h5", *crossed))
    assert not any("SpacingBetweenSlices" in file for file in files)
    alone = stored(tmp_path / "c.h5", placed_image(plane))
    (tmp_path / "c").mkdir()
    assert "SpacingBetweenSlices" not in dicom_files(tmp_path / "c", alone)[0]


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_place_that_is_no_number_is_said_and_not_written(tmp_path, odd):
    image = placed_image(np.ones((1, 6, 4), np.float32), position=(odd, 2, 3), field_of_view=(8, odd, 5))
    images = stored(tmp_path / "in.h5", image)
    told = "the headers name no place that is a number; it is taken as 0"
    header = ismrmrd.xsd.CreateFromDocument(HEADER)
    assert write_dicom_folder(images, header, tmp_path / "series", Path("series")) == [told]
    (file,) = (pydicom.dcmread(path) for path in (tmp_path / "series").iterdir())
    assert np.isfinite([*file.ImagePositionPatient, *file.PixelSpacing]).all()
    assert write_nifti(images, tmp_path / "o.nii", Path("o.nii")) == [told]
    assert np.isfinite(nibabel.load(tmp_path / "o.nii").affine).all()
