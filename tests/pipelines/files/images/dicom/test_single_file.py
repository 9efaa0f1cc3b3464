"""DICOM files as archives hold them: what can be repaired is, what cannot is named, and costs no other file."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.images.dicom import dicom_file

from gadgets.errors import RawDataError
from pipelines.files.images.dicom.folder import DicomFolder
from pipelines.files.images.dicom.single_file import DicomImages

pydicom = pytest.importorskip("pydicom")


NO_IMAGE = {"SOPClassUID": pydicom.uid.BasicTextSRStorage, "Rows": None, "PixelData": None}
PHASE = "a phase image has no k-space of its own"


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, PHASE),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"]}, PHASE),
        ({"ImageType": ["DERIVED", "PRIMARY", "VELOCITY MAP"]}, PHASE),
        ({"ComplexImageComponent": "PHASE"}, PHASE),
        ({"ComplexImageComponent": "MIXED"}, "holds phases among its images"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "is no gray image (RGB)"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "is no gray image (PALETTE COLOR)"),
        ({"HighBit": 15}, "keeps its pixels in other bits than the lowest (up to bit 15)"),
        (NO_IMAGE, "holds no image"),
    ],
)
def test_what_cannot_be_repaired_stays_as_it_is_and_costs_no_other_file(tmp_path, attributes, why):
    dicom_file(tmp_path / "a")
    dicom_file(tmp_path / "b", **attributes)
    folder = DicomFolder(tmp_path)
    assert len(folder.images) == 1
    assert folder.notices == [f"{tmp_path / 'b'}: {why}, and is left as it is"]
    folder.write(tmp_path / "out", {}, {})
    assert (tmp_path / "out" / "b").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("name", ["Rows", "PixelData"])
def test_an_image_that_lost_a_part_is_damaged(tmp_path, name):
    dicom_file(tmp_path / "a")
    dicom_file(tmp_path / "b", **{name: None})
    with pytest.raises(RawDataError, match="b: not a readable DICOM image"):
        DicomFolder(tmp_path)


def test_links_to_folders_are_said_not_to_be_followed(tmp_path):
    (tmp_path / "in").mkdir()
    dicom_file(tmp_path / "in" / "a")
    (tmp_path / "in" / "more").symlink_to(tmp_path)
    assert DicomFolder(tmp_path / "in").notices == [f"{tmp_path / 'in'}: 1 links to folders are not followed"]


def test_a_library_that_is_missing_is_named(tmp_path):
    syntax = pydicom.uid.JPEGLSLossless
    if pydicom.pixels.get_decoder(syntax).is_available:
        pytest.skip("all that unpacks JPEG-LS would have to be missing")
    pixels = pydicom.encaps.encapsulate([b"\xff\xd8packed\xff\xd9"])
    dicom_file(tmp_path / "a", syntax=syntax, PixelData=pixels)
    with pytest.raises(RawDataError, match=r"missing dependencies: .*requires pylibjpeg"):
        DicomImages(tmp_path / "a")


def test_a_kind_of_one_word_stays_a_word(tmp_path):
    dicom_file(tmp_path / "a", ImageType="ORIGINAL")
    images = DicomImages(tmp_path / "a")
    images.write(tmp_path / "b", {0: images.images[0]}, {0: "repaired"})
    assert list(pydicom.dcmread(tmp_path / "b").ImageType) == ["DERIVED", "SECONDARY"]


def test_a_packed_image_is_the_source_of_its_repair(tmp_path):
    dicom_file(tmp_path / "a")
    packed = pydicom.dcmread(tmp_path / "a")
    packed.compress(pydicom.uid.RLELossless)
    packed.save_as(tmp_path / "a")
    images = DicomImages(tmp_path / "a")
    images.write(tmp_path / "b", {0: images.images[0] + 1}, {0: "repaired"})
    before, after = (pydicom.dcmread(tmp_path / name) for name in ("a", "b"))
    np.testing.assert_array_equal(after.pixel_array, before.pixel_array + 1)
    (source,) = after.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == before.SOPInstanceUID != after.SOPInstanceUID


def test_the_extremes_of_other_pixels_are_not_told(tmp_path):
    dicom_file(tmp_path / "a")
    file = pydicom.dcmread(tmp_path / "a")
    file.add_new("LargestImagePixelValue", "US", 63)
    file.save_as(tmp_path / "a")
    images = DicomImages(tmp_path / "a")
    images.write(tmp_path / "b", {0: images.images[0] + 1}, {0: "repaired"})
    assert "LargestImagePixelValue" not in pydicom.dcmread(tmp_path / "b")
