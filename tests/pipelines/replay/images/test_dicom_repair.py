"""DICOM images repaired: other images of the same study, with their geometry."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.images.dicom import dicom_file
from helpers.images.striped import error_left, make_image, with_sparks

from gadgets.errors import RawDataError
from pipelines.replay.images.image_repair import ImageRepair


def write_dicom(path, pixels, bits_stored=12):
    pydicom = pytest.importorskip("pydicom")
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    file = pydicom.Dataset()
    file.file_meta = meta
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.ImageType, file.Modality, file.PatientName = ["ORIGINAL", "PRIMARY", "M", "ND"], "MR", "Phantom"
    file.Rows, file.Columns = pixels.shape
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME2", 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, bits_stored, bits_stored - 1
    file.PixelSpacing, file.ImageOrientationPatient = [1.5, 1.5], [1, 0, 0, 0, 1, 0]
    file.PixelData = pixels.astype("<u2").tobytes()
    file.save_as(path, enforce_file_format=True)


def test_dicom_is_repaired_as_a_derived_image_that_keeps_its_geometry(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    clean, sparked = (
        np.abs(image) for image in (make_image(signal=1000), with_sparks(make_image(signal=1000), ripple=80))
    )
    write_dicom(tmp_path / "in.dcm", np.rint(sparked))
    ImageRepair(tmp_path / "in.dcm", tmp_path / "out.dcm").run()
    before, after = (pydicom.dcmread(tmp_path / f"{name}.dcm") for name in ("in", "out"))
    assert error_left(after.pixel_array, before.pixel_array, clean) < 0.98
    for name in ("PatientName", "PixelSpacing", "ImageOrientationPatient", "BitsStored"):
        assert after[name] == before[name]
    assert after.SOPInstanceUID == after.file_meta.MediaStorageSOPInstanceUID != before.SOPInstanceUID
    (source,) = after.SourceImageSequence
    assert (source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID) == (
        before.SOPClassUID,
        before.SOPInstanceUID,
    )
    assert [part.Manufacturer for part in after.ContributingEquipmentSequence] == ["despark"]
    assert list(after.ImageType) == ["DERIVED", "PRIMARY", "M", "ND"]
    assert "abnormal points" in after.DerivationDescription


def test_dicom_without_sparks_stays_the_same_file(tmp_path):
    write_dicom(tmp_path / "in.dcm", np.rint(np.abs(make_image())))
    ImageRepair(tmp_path / "in.dcm", tmp_path / "out.dcm").run()
    assert (tmp_path / "out.dcm").read_bytes() == (tmp_path / "in.dcm").read_bytes()


def test_a_file_without_an_image_to_repair_says_what_it_is(tmp_path):
    dicom_file(tmp_path / "in", ImageType=["ORIGINAL", "PRIMARY", "P"])
    with pytest.raises(RawDataError, match=r"found none \(.*in: a phase image has no k-space"):
        ImageRepair(tmp_path / "in", tmp_path / "out").run()


def test_a_folder_of_dicom_becomes_one_of_the_same_names(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    sparked = np.abs(with_sparks(make_image(signal=1000), ripple=80))
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    write_dicom(tmp_path / "in" / "IM1", np.rint(sparked))
    write_dicom(tmp_path / "in" / "deeper" / "IM2", np.rint(np.abs(make_image())))
    (tmp_path / "in" / "notes.txt").write_text("no image")
    notices = []
    report = ImageRepair(tmp_path / "in", tmp_path / "out", on_notice=notices.append).run()
    assert report.returned == {"images": 2, "images changed": 1}
    repaired = pydicom.dcmread(tmp_path / "out" / "IM1")
    assert repaired.SeriesDescription == "(despark: repaired)"
    assert repaired.SeriesNumber == 1001
    same = [(tmp_path / folder / "deeper" / "IM2").read_bytes() for folder in ("in", "out")]
    assert same[0] == same[1]
    assert notices == [f"{tmp_path / 'in'}: 1 files that are not DICOM are not copied"]
    with pytest.raises(RawDataError, match="found one that holds files"):
        ImageRepair(tmp_path / "in", tmp_path / "out").run()


def test_images_of_one_series_stay_one_when_repaired(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    sparked = np.rint(np.abs(with_sparks(make_image(signal=1000), ripple=80)))
    (tmp_path / "in").mkdir()
    for number in range(2):
        write_dicom(tmp_path / "in" / f"{number}", sparked)
        file = pydicom.dcmread(tmp_path / "in" / f"{number}")
        file.SeriesInstanceUID, file.SeriesNumber = "1.2.3", 4
        file.save_as(tmp_path / "in" / f"{number}")
    ImageRepair(tmp_path / "in", tmp_path / "out").run()
    series = {pydicom.dcmread(path).SeriesInstanceUID for path in (tmp_path / "out").iterdir()}
    assert len(series) == 1
    assert series != {"1.2.3"}


@pytest.mark.parametrize("is_folder", [False, True])
def test_images_that_others_replace_meanwhile_are_not_copied(tmp_path, is_folder):
    source = tmp_path / "in"
    source.mkdir()
    dicom_file(source / "1.dcm")
    dicom_file(tmp_path / "other.dcm")
    read = source if is_folder else source / "1.dcm"
    output = tmp_path / ("out" if is_folder else "out.dcm")
    repair = ImageRepair(read, output, on_image=lambda *_: (tmp_path / "other.dcm").replace(source / "1.dcm"))
    with pytest.raises(RawDataError, match=r"1.dcm: expected a file that stays as it is, found another"):
        repair.run()
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
