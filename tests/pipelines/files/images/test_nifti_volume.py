"""MRD images as NIfTI: where they lie, and what makes one volume."""

from __future__ import annotations

import warnings
from pathlib import Path

import ismrmrd.xsd
import numpy as np
import pytest
from helpers.images.placed import OBLIQUE, oblique_stack, placed_image, stored
from helpers.raw_scans import HEADER

from gadgets.errors import RawDataError
from pipelines.files.images.dicom.series import write_dicom_folder
from pipelines.files.images.nifti_volume import write_nifti

nibabel = pytest.importorskip("nibabel")
LPS = np.diag([-1, -1, 1, 1])


def write(folder, images, name="out.nii"):
    notices = write_nifti(images, folder / name, Path(name))
    return nibabel.load(folder / name), notices


def test_a_known_case_lies_where_its_header_says(tmp_path):
    """The centre of the field of view is the pixel at half of each axis; MRD counts to the left, NIfTI to the right."""
    pixels = np.zeros((1, 6, 4), np.float32)
    pixels[0, 3, 2] = 1
    image = placed_image(pixels, (10, -20, 30), np.eye(3), (8, 9, 5))
    file, notices = write(tmp_path, stored(tmp_path / "in.h5", image))
    brightest = np.unravel_index(np.argmax(file.get_fdata()), file.shape)
    np.testing.assert_allclose(file.affine @ [*brightest, 1], [-10, 20, 30, 1])
    assert nibabel.aff2axcodes(file.affine) == ("L", "P", "S")
    assert file.header.get_zooms() == (2.0, 1.5, 5.0)
    assert notices == []


@pytest.mark.parametrize("name", ["out.nii", "out.nii.gz"])
def test_values_are_kept_and_slices_sorted(tmp_path, name):
    images, given = oblique_stack(tmp_path)
    file, _ = write(tmp_path, images, name)
    assert file.get_data_dtype() == np.float32
    np.testing.assert_array_equal(np.asarray(file.dataobj).T, [image.data[0, 0] for image in reversed(given)])
    assert file.header["sform_code"] == file.header["qform_code"] == 1


def test_nifti_and_dicom_agree_pixel_by_pixel(tmp_path):
    """By nibabel's own reader of DICOM, which knows nothing of ours."""
    pytest.importorskip("pydicom")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nibabel calls its reader experimental
        from nibabel.nicom.dicomwrappers import wrapper_from_file

    images, _ = oblique_stack(tmp_path)
    file, _ = write(tmp_path, images)
    write_dicom_folder(images, ismrmrd.xsd.CreateFromDocument(HEADER), tmp_path / "dicom", Path("dicom"))
    values = file.get_fdata()
    to_indices = np.linalg.inv(file.affine)
    for path in sorted((tmp_path / "dicom").iterdir()):
        wrapper = wrapper_from_file(path)
        pixels = wrapper.get_data()
        for first in (0, pixels.shape[0] - 1):
            for second in (0, pixels.shape[1] - 1):
                place = LPS @ wrapper.affine @ [first, second, 0, 1]
                x, y, z = np.rint((to_indices @ place)[:3]).astype(int)
                np.testing.assert_allclose(to_indices @ place, [x, y, z, 1], atol=1e-3)
                assert abs(values[x, y, z] - pixels[first, second]) < 0.01


def test_repetitions_are_volumes(tmp_path):
    images, given = oblique_stack(tmp_path, n_repetitions=2)
    file, _ = write(tmp_path, images)
    assert file.shape == (4, 6, 3, 2)
    np.testing.assert_array_equal(np.asarray(file.dataobj)[:, :, 0, 1].T, given[-1].data[0, 0])


def test_slices_at_one_place_are_stacked_and_that_is_said(tmp_path):
    pixels = np.ones((1, 6, 4), np.float32)
    images = stored(tmp_path / "in.h5", *(placed_image(pixels, slice=n, directions=np.zeros((3, 3))) for n in range(3)))
    file, notices = write(tmp_path, images)
    assert file.header.get_zooms()[2] == 5
    assert [notice.partition(";")[0] for notice in notices] == [
        "the headers name no directions",
        "the headers put all slices at one place",
    ]


def two(tmp_path, **changes):
    pixels = np.ones((1, 6, 4), np.float32)
    second = {"pixels": pixels, "position": OBLIQUE[2] * 6, "slice": 1} | changes
    return stored(tmp_path / "in.h5", placed_image(pixels), placed_image(**second))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"directions": np.eye(3)}, "one NIfTI file holds images of one direction"),
        ({"pixels": np.ones((1, 7, 4), np.float32)}, "expected images of one size and one channel"),
        ({"position": (0, 0, 0), "slice": 0}, "expected slices at equal distances, found 0 mm"),
        ({"repetition": 1}, "the volumes do not lie at one place"),
    ],
)
def test_what_is_no_volume_is_refused(tmp_path, changes, message):
    with pytest.raises(RawDataError, match=rf"out\.nii: {message}.*name a folder"):
        write(tmp_path, two(tmp_path, **changes))
