"""MRD images as DICOM: what the standard asks for, the same pixels, and series that can be told apart."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path

import ismrmrd.xsd
import numpy as np
import pytest
from helpers.images.placed import oblique_stack, placed_image, stored
from helpers.raw_scans import HEADER

from gadgets.errors import RawDataError
from pipelines.files.images.dicom import series
from pipelines.files.images.dicom.series import write_dicom_file, write_dicom_folder
from pipelines.version import despark_version

pydicom = pytest.importorskip("pydicom")

TYPE_1 = """
    SpecificCharacterSet SOPClassUID SOPInstanceUID ImageType Modality StudyInstanceUID SeriesInstanceUID
    FrameOfReferenceUID PixelSpacing ImageOrientationPatient ImagePositionPatient ScanningSequence SequenceVariant
    SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation
    PixelData
"""
"""Attributes that MR Image Storage has to have, with a value (PS3.3, A.4.3 and the modules that it names)."""

TYPE_2 = """
    PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID
    AccessionNumber SeriesNumber PatientPosition PositionReferenceIndicator Manufacturer InstanceNumber SliceThickness
    ScanOptions MRAcquisitionType RepetitionTime EchoTime EchoTrainLength
"""
"""Attributes that have to be there, and may be empty."""

NOT_HERE = """
    PlanarConfiguration NumberOfFrames SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
    DimensionIndexSequence AcquisitionContrast PixelPresentation VolumetricProperties ComplexImageComponent
    FrameAcquisitionNumber PresentationLUTShape PatientOrientation InversionTime TriggerTime
"""
"""Attributes of colour or Enhanced MR images, and those of other sequences than this one: here they would be wrong."""


@pytest.fixture(autouse=True)
def warnings_show(monkeypatch):
    """Let pydicom warn of what it does not like, which is a failure here."""
    monkeypatch.setattr(series, "unquoted", nullcontext)


def plain_header():
    return ismrmrd.xsd.CreateFromDocument(HEADER)


def write(folder, images, name="series", header=None):
    write_dicom_folder(images, header or plain_header(), folder / name, Path(name))
    return [pydicom.dcmread(path) for path in sorted((folder / name).iterdir())]


def test_attributes_that_the_standard_asks_for_are_there(tmp_path):
    images, _ = oblique_stack(tmp_path)
    for dataset in write(tmp_path, images):
        assert [name for name in TYPE_1.split() if dataset.get(name) in (None, "")] == []
        assert [name for name in TYPE_2.split() if name not in dataset] == []
        assert [name for name in NOT_HERE.split() if name in dataset] == []
        assert dataset.SOPClassUID == pydicom.uid.MRImageStorage == dataset.file_meta.MediaStorageSOPClassUID
        assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID


def test_every_image_says_what_despark_did(tmp_path):
    images, _ = oblique_stack(tmp_path)
    for dataset in write(tmp_path, images):
        (part,) = dataset.ContributingEquipmentSequence
        # PS3.3, C.12.1.1.5: both have to have a value.
        assert (part.Manufacturer, part.PurposeOfReferenceCodeSequence[0].CodeValue) == ("despark", "109102")
        assert part.SoftwareVersions == despark_version()
        assert "despark" not in f"{dataset.Manufacturer} {dataset.get('SoftwareVersions')}"


def test_a_header_full_of_words_is_brought_to_what_dicom_takes(tmp_path):
    """A value that is too long or of the wrong kind would be a warning of pydicom's, and so a failure here."""
    full = plain_header()
    full.subjectInformation = ismrmrd.xsd.subjectInformationType(patientName="Müller^Änne", patientGender="F")
    full.studyInformation = ismrmrd.xsd.studyInformationType(
        studyID="S" * 40, studyInstanceUID="not a uid", studyDescription="head\\neck " * 20, studyDate="2024-02-29"
    )
    full.measurementInformation = ismrmrd.xsd.measurementInformationType(
        patientPosition="HFS", protocolName="p" * 90, seriesDescription="s" * 90, initialSeriesNumber=7
    )
    full.sequenceParameters = ismrmrd.xsd.sequenceParametersType(TR=[500.0], TE=[3.0, 5.0], sequence_type="Flash")
    image = placed_image(np.ones((1, 6, 4), np.float32), contrast=1)
    (file,) = write(tmp_path, stored(tmp_path / "in.h5", image), header=full)
    assert (file.PatientName, file.PatientSex, file.StudyDate) == ("Müller^Änne", "F", "20240229")
    assert (len(file.StudyID), len(file.ProtocolName), len(file.SeriesDescription) <= 64) == (16, 64, True)
    assert (file.RepetitionTime, file.EchoTime, file.EchoNumbers) == (500, 5, 2)
    assert (file.ScanningSequence, file.SequenceVariant, file.SeriesNumber) == ("GR", "SP", 7)
    assert pydicom.uid.UID(file.StudyInstanceUID).is_valid


def test_numbers_that_dicom_cannot_hold_are_left_out(tmp_path):
    odd = plain_header()
    odd.measurementInformation = ismrmrd.xsd.measurementInformationType(
        patientPosition="HFS", initialSeriesNumber=99999999999
    )
    odd.encoding[0].echoTrainLength = 2**31
    odd.sequenceParameters = ismrmrd.xsd.sequenceParametersType(TR=[np.inf], TE=[np.nan])
    (file,) = write(tmp_path, stored(tmp_path / "in.h5", placed_image(np.ones((1, 6, 4), np.float32))), header=odd)
    assert (file.SeriesNumber, file.EchoTrainLength, file.RepetitionTime, file.EchoTime) == (1, None, None, None)


@pytest.mark.parametrize("value", ["99999-99-99", "TOKEN", "\u00b2024-02-29", "", "0", "2024-02-29T10:00:00"])
def test_dates_and_times_that_are_none_are_left_out(tmp_path, value):
    odd = plain_header()
    odd.subjectInformation = ismrmrd.xsd.subjectInformationType(patientBirthdate=value)
    odd.studyInformation = ismrmrd.xsd.studyInformationType(studyDate=value, studyTime=value)
    (file,) = write(tmp_path, stored(tmp_path / "in.h5", placed_image(np.ones((1, 6, 4), np.float32))), header=odd)
    assert (file.PatientBirthDate, file.StudyDate, file.StudyTime) == ("", "", "")


def test_what_pydicom_does_not_like_it_does_not_quote(tmp_path, monkeypatch, capfd):
    monkeypatch.undo()
    odd = plain_header()
    odd.studyInformation = ismrmrd.xsd.studyInformationType(studyTime="99:99:99", accessionNumber=10**20)
    (file,) = write(tmp_path, stored(tmp_path / "in.h5", placed_image(np.ones((1, 6, 4), np.float32))), header=odd)
    assert file.StudyTime == "999999"
    assert "9999" not in capfd.readouterr().err


def test_one_series_of_one_study_and_one_frame(tmp_path):
    images, _ = oblique_stack(tmp_path)
    files = write(tmp_path, images)
    shared = (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "FrameOfReferenceUID",
        "RescaleSlope",
        "WindowCenter",
        "WindowWidth",
    )
    for name in shared:
        assert len({str(file[name].value) for file in files}) == 1
    assert len({file.SOPInstanceUID for file in files}) == len(files)
    assert [file.InstanceNumber for file in files] == [1, 2, 3]


def test_pixels_are_those_of_the_mrd_image_to_half_a_step(tmp_path):
    images, given = oblique_stack(tmp_path)
    for file, image in zip(write(tmp_path, images), given, strict=True):
        pixels = file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept)
        assert np.abs(pixels - image.data[0, 0]).max() <= 0.501 * float(file.RescaleSlope)
        assert float(file.RescaleSlope) < 100 / 65000


def test_whole_numbers_are_kept_exactly(tmp_path):
    pixels = np.arange(24, dtype=np.uint16).reshape(1, 6, 4) * 2730
    (file,) = write(tmp_path, stored(tmp_path / "in.h5", placed_image(pixels)))
    assert (float(file.RescaleSlope), float(file.RescaleIntercept)) == (1, 0)
    np.testing.assert_array_equal(file.pixel_array, pixels[0])


def test_small_and_negative_pixels_have_a_scale_and_a_window(tmp_path):
    pixels = np.linspace(-3e-6, 5e-6, 24, dtype=np.float32).reshape(1, 6, 4)
    (file,) = write(tmp_path, stored(tmp_path / "in.h5", placed_image(pixels, image_type=2)))
    found = file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept)
    np.testing.assert_allclose(found, pixels[0], atol=1e-10)
    assert file.ImageType[2] == "P"
    assert file.VOILUTFunction == "LINEAR_EXACT"


def test_an_image_of_nothing_is_written(tmp_path):
    (file,) = write(tmp_path, stored(tmp_path / "in.h5", placed_image(np.zeros((1, 6, 4), np.float32))))
    assert not file.pixel_array.any()


def test_repaired_images_are_another_series_of_the_same_study(tmp_path):
    pixels = np.ones((1, 6, 4), np.float32)
    (before,) = write(tmp_path, stored(tmp_path / "a.h5", placed_image(pixels)), "before")
    after = write(
        tmp_path, stored(tmp_path / "b.h5", placed_image(pixels, repaired=2), placed_image(pixels, slice=1)), "after"
    )
    assert before.StudyInstanceUID == after[0].StudyInstanceUID
    assert before.FrameOfReferenceUID == after[0].FrameOfReferenceUID
    assert before.SeriesInstanceUID != after[0].SeriesInstanceUID
    assert before.SeriesNumber + 1000 == after[0].SeriesNumber
    assert before.SeriesDescription.endswith("(despark: as acquired)")
    assert after[0].SeriesDescription.endswith("(despark: repaired)")
    assert [file.ImageType[0] for file in (before, *after)] == ["ORIGINAL", "DERIVED", "ORIGINAL"]
    assert ["DerivationDescription" in file for file in (before, *after)] == [False, True, False]


def test_a_volume_is_a_file_per_partition(tmp_path):
    volume = np.random.default_rng(0).random((5, 6, 4), np.float32)
    files = write(tmp_path, stored(tmp_path / "in.h5", placed_image(volume, directions=np.eye(3))))
    assert [float(file.ImagePositionPatient[2]) for file in files] == [-2, -1, 0, 1, 2]
    assert {file.MRAcquisitionType for file in files} == {"3D"}


def test_one_file_holds_one_image(tmp_path):
    images, _ = oblique_stack(tmp_path)
    with pytest.raises(RawDataError, match=r"x\.dcm: one DICOM file holds one image, .* makes 3; name a folder: -o x/"):
        write_dicom_file(images, plain_header(), tmp_path / "x.dcm", Path("x.dcm"))
    one = stored(tmp_path / "one.h5", placed_image(np.ones((1, 6, 4), np.float32)))
    write_dicom_file(one, plain_header(), tmp_path / "x.dcm", Path("x.dcm"))
    assert pydicom.dcmread(tmp_path / "x.dcm").Rows == 6


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((1, 6, 4), np.nan, np.float32), "DICOM holds finite pixels only"),
        (np.zeros((1, 6, 4), [("real", "f4"), ("imag", "f4")]), "a DICOM image has one real channel, found 1 channels"),
    ],
)
def test_pixels_that_dicom_cannot_hold_are_refused(tmp_path, pixels, message):
    with pytest.raises(RawDataError, match=message):
        write(tmp_path, stored(tmp_path / "in.h5", placed_image(pixels)))


STANDARD = Path.home() / "dicom-validator"
"""Where dicom-validator keeps the editions of the standard that it has downloaded."""


@pytest.mark.skipif(shutil.which("validate_iods") is None, reason="dicom-validator is not installed")
@pytest.mark.skipif(not (STANDARD / "editions.json").exists(), reason="validate_iods has not downloaded the standard")
@pytest.mark.timeout(600)
def test_dicom_validator_finds_nothing_to_complain_of(tmp_path):
    images, _ = oblique_stack(tmp_path)
    write(tmp_path, images)
    write(tmp_path, stored(tmp_path / "b.h5", placed_image(np.ones((1, 6, 4), np.float32), repaired=2)), "repaired")
    command = ["validate_iods", "--edition", "local", str(tmp_path / "series"), str(tmp_path / "repaired")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
