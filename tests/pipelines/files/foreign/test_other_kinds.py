"""Files that are not what was asked for point at what to do."""

from __future__ import annotations

import h5py
import pytest
from helpers.foreign_messages import image_bytes
from helpers.raw_scans import make_raw_file

from gadgets.errors import RawDataError
from pipelines.files.images.opening import open_images
from pipelines.files.images.raw_image import ImageWriter, RawImage
from pipelines.files.raw_file import RawFile


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("P12345.7", "ge_to_ismrmrd"),
        ("scan.RAW", "philips_to_ismrmrd"),
        ("scan.list", "philips_to_ismrmrd"),
        ("rawdata.job0", "bruker_to_ismrmrd"),
        ("ser", "bruker_to_ismrmrd"),
        ("brain.nii.gz", "despark image"),
        ("IM1.dcm", "despark image"),
        ("pic.png", "which despark does not read"),
    ],
)
def test_a_file_of_another_kind_names_the_tool_for_it(tmp_path, name, tool):
    (tmp_path / name).write_bytes(bytes(1000))
    with pytest.raises(RawDataError, match=f"{name}: not an HDF5 file; it .*{tool}"):
        RawFile(tmp_path / name)


def test_images_given_for_raw_data_and_raw_data_for_images_point_at_the_other_command(tmp_path):
    with h5py.File(tmp_path / "images.h5", "w") as file:
        ImageWriter(file).append(RawImage.from_bytes(image_bytes()))
    with pytest.raises(RawDataError, match=r"no group 'dataset' .*it holds images, which despark image repairs"):
        RawFile(tmp_path / "images.h5")
    with pytest.raises(RawDataError, match=r"found: dataset; it holds raw data, for which there is despark replay"):
        open_images(make_raw_file(tmp_path / "raw.h5"))


@pytest.mark.parametrize("name", ["pic.png", "IM1.dcm"])
def test_what_cannot_be_read_as_images_is_not_sent_to_the_same_command(tmp_path, name):
    (tmp_path / name).write_bytes(bytes(1000))
    with pytest.raises(RawDataError, match="found none of these") as refused:
        open_images(tmp_path / name)
    assert "despark image" not in str(refused.value)
