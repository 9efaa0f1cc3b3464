"""Images without raw data: transformed, repaired, transformed back, and written into the container they came in."""

from __future__ import annotations

import struct

import h5py
import numpy as np
import pytest
from helpers.foreign_messages import image_bytes
from helpers.images.dicom import dicom_file
from typer.testing import CliRunner

from gadgets.errors import DesparkError, RawDataError, SettingsError
from gadgets.image.reconstruction import centred_fft, centred_inverse_fft
from gadgets.records import Point
from gadgets.settings.definitions import CalibrationSettings, SparkDetectionSettings
from pipelines.benchmark.sparks import add_sparks
from pipelines.commands.command_line import build_app
from pipelines.files.images.raw_image import ImageWriter, RawImage
from pipelines.files.read_kspaces import read_kspaces
from pipelines.replay.image_repair import ImageRepair
from pipelines.replay.image_repairer import ImageRepairer, kspace_of_image
from pipelines.replay.magnitude_repair import in_pairs, where_it_is

SPARKS = ((20, 30), (70, 85))
AXES = (-2, -1)


def make_image(shape=(96, 112), seed=0, signal=100.0):
    """An ellipse with texture over noise."""
    rng = np.random.default_rng(seed)
    y, x = (
        np.linspace(-1, 1, n)[:, None] if axis == 0 else np.linspace(-1, 1, n)[None] for axis, n in enumerate(shape)
    )
    body = signal * ((y / 0.6) ** 2 + (x / 0.7) ** 2 < 1) * (1 + 0.3 * np.cos(7 * y) * np.cos(5 * x))
    return body + (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)


def with_sparks(image, sparks=SPARKS, ripple=3.0):
    """The image with stripes: what single samples of its k-space, so much louder, make of it."""
    kspace = centred_fft(image.astype(np.complex64), AXES)
    for number, place in enumerate(sparks):
        kspace[place] += ripple * np.sqrt(image.size) * np.exp(1j * number)
    return centred_inverse_fft(kspace, AXES)


def error_left(found, before, truth):
    return np.linalg.norm(found - truth) / np.linalg.norm(before - truth)


def write_mrd(path, images, data_type=5):
    with h5py.File(path, "w") as file:
        writer = ImageWriter(file)
        for image in images:
            body = image_bytes((1, 1, *image.shape), data_type)
            start = len(body) - image.size * image.dtype.itemsize
            writer.append(RawImage.from_bytes(body[:start] + image.tobytes()))


def read_mrd(path):
    with h5py.File(path) as file:
        series = file["images/image_0"]
        return series["data"][:, 0, 0], series["header"][...], series["attributes"][...]


def test_complex_mrd_images_lose_their_stripes_and_keep_all_else(tmp_path):
    clean = [make_image(seed=seed).astype(np.complex64) for seed in (0, 1)]
    before = [with_sparks(clean[0]).astype(np.complex64), clean[1]]
    write_mrd(tmp_path / "in.h5", before, 7)
    report = ImageRepair(tmp_path / "in.h5", tmp_path / "out.h5").run()
    pixels, header, attributes = read_mrd(tmp_path / "out.h5")
    _, given_header, given_attributes = read_mrd(tmp_path / "in.h5")
    np.testing.assert_array_equal(header, given_header)
    np.testing.assert_array_equal(attributes, given_attributes)
    repaired = pixels["real"] + 1j * pixels["imag"]
    assert error_left(repaired[0], before[0], clean[0]) < 0.1
    np.testing.assert_array_equal(repaired[1], before[1])
    assert report.returned == {"images": 2, "images changed": 1}
    found = {(point.line, point.sample) for point in report.k_spaces[0].points}
    assert found == set(SPARKS)


def test_a_magnitude_loses_the_beat_of_its_sparks_and_stays_one(tmp_path):
    clean, sparked = (np.abs(image).astype(np.float32) for image in (make_image(), with_sparks(make_image(), ripple=8)))
    write_mrd(tmp_path / "in.h5", [sparked])
    ImageRepair(tmp_path / "in.h5", tmp_path / "out.h5").run()
    repaired = read_mrd(tmp_path / "out.h5")[0][0]
    assert repaired.min() >= 0
    assert error_left(repaired, sparked, clean) < 0.98


def test_what_is_not_to_be_repaired_is_not_touched(tmp_path):
    write_mrd(tmp_path / "in.h5", [np.abs(with_sparks(make_image())).astype(np.float32)])
    properties = {"calibration.method": "none"}
    report = ImageRepair(tmp_path / "in.h5", tmp_path / "out.h5", properties).run()
    assert report.totals.repaired == 0
    assert (tmp_path / "out.h5").read_bytes() == (tmp_path / "in.h5").read_bytes()


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_nifti_keeps_its_type_scale_and_place(tmp_path, ending):
    nibabel = pytest.importorskip("nibabel")
    images = [make_image(seed=seed, signal=30000) for seed in range(3)]
    images[1] = with_sparks(images[1], ripple=3000)
    stack = np.stack([np.abs(image) for image in images]).T / 2
    place = np.array([[2.0, 0, 0, -20], [0, 1.5, 0, 7], [0, 0, 3, 1], [0, 0, 0, 1]])
    file = nibabel.Nifti1Image(np.rint(stack).astype(np.int16), place)
    file.header.set_slope_inter(2.0, 5.0)
    file.to_filename(tmp_path / f"in{ending}")
    ImageRepair(tmp_path / f"in{ending}", tmp_path / f"out{ending}").run()
    before, after = (nibabel.load(tmp_path / f"{name}{ending}") for name in ("in", "out"))
    assert after.get_data_dtype() == np.int16
    assert (after.dataobj.slope, after.dataobj.inter) == (2.0, 5.0)
    np.testing.assert_array_equal(after.affine, before.affine)
    raw, given = after.dataobj.get_unscaled(), before.dataobj.get_unscaled()
    np.testing.assert_array_equal(raw[..., [0, 2]], given[..., [0, 2]])
    clean = np.abs(make_image(seed=1, signal=30000)).T / 2
    assert 0 < error_left(raw[..., 1], given[..., 1], clean) < 0.98


def test_a_nifti_volume_has_one_kspace(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    rng = np.random.default_rng(0)
    volume = np.stack([make_image((40, 48)) for _ in range(16)]) + rng.standard_normal((16, 40, 48))
    kspace = centred_fft(volume.astype(np.complex64), (0, 1, 2))
    kspace[3, 10, 12] += 20 * np.sqrt(volume.size)
    sparked = centred_inverse_fft(kspace, (0, 1, 2)).astype(np.complex64)
    nibabel.Nifti1Image(sparked.T, np.eye(4)).to_filename(tmp_path / "in.nii")
    report = ImageRepair(tmp_path / "in.nii", tmp_path / "out.nii", is_volume=True).run()
    assert {(p.partition, p.line, p.sample) for p in report.k_spaces[0].points} >= {(3, 10, 12)}
    repaired = np.asarray(nibabel.load(tmp_path / "out.nii").dataobj).T
    assert error_left(repaired, sparked, volume) < 0.1


@pytest.mark.parametrize("place", [-6, -2, -300])
def test_a_compressed_file_that_was_changed_on_its_way_is_damaged(tmp_path, place):
    nibabel = pytest.importorskip("nibabel")
    nibabel.Nifti1Image(np.abs(make_image()).astype(np.float32).T, np.eye(4)).to_filename(tmp_path / "in.nii.gz")
    content = bytearray((tmp_path / "in.nii.gz").read_bytes())
    content[place] ^= 1
    (tmp_path / "in.nii.gz").write_bytes(content)
    with pytest.raises(RawDataError, match=r"in\.nii\.gz: not a readable NIfTI file \("):
        ImageRepair(tmp_path / "in.nii.gz", tmp_path / "out.nii.gz").run()


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


def test_a_magnitude_is_said_to_tell_little_and_a_complex_image_is_not(tmp_path):
    write_mrd(tmp_path / "magnitude.h5", [np.abs(make_image()).astype(np.float32)])
    write_mrd(tmp_path / "complex.h5", [make_image().astype(np.complex64)], 7)
    warnings = [
        ImageRepair(tmp_path / f"{name}.h5", tmp_path / "out.h5").run().k_spaces[0].warnings
        for name in ("magnitude", "complex")
    ]
    assert [len(each) for each in warnings] == [1, 0]
    assert "a magnitude image has lost its phase: most sparks" in warnings[0][0]


def test_an_output_of_another_kind_is_refused(tmp_path):
    write_mrd(tmp_path / "in.h5", [np.abs(make_image()).astype(np.float32)])
    for name in ("out.nii", "out.jpg"):
        with pytest.raises(RawDataError, match=rf"{name}: the images are written as the MRD .* ends with \.h5"):
            ImageRepair(tmp_path / "in.h5", tmp_path / name).run()


def test_the_transform_of_an_image_and_back_is_the_image():
    image = make_image((9, 12))[None, None]
    kspace = kspace_of_image(image)
    assert kspace.centre == (0, 4, 6)
    assert kspace.sampled.all()
    np.testing.assert_allclose(centred_inverse_fft(kspace.data, (1, 2, 3)), image, rtol=1e-4, atol=1e-4)


def test_pixels_that_are_not_finite_are_refused(tmp_path):
    image = np.abs(make_image()).astype(np.float32)
    image[3, 4] = np.nan
    write_mrd(tmp_path / "in.h5", [image])
    with pytest.raises(RawDataError, match="expected images of finite pixels, found NaN or infinite ones in all"):
        ImageRepair(tmp_path / "in.h5", tmp_path / "out.h5").run()
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize("value", [np.nan, -np.inf, complex(1, np.nan)])
def test_one_image_that_is_not_finite_passes_and_costs_the_others_nothing(tmp_path, caplog, value):
    is_complex = isinstance(value, complex)
    image = make_image().astype(np.complex64) if is_complex else np.abs(make_image()).astype(np.float32)
    images = [image.copy() for _ in range(3)]
    images[1][3, 4] = value
    write_mrd(tmp_path / "in.h5", images, 7 if is_complex else 5)
    report = ImageRepair(tmp_path / "in.h5", tmp_path / "out.h5").run()
    assert report.returned["images"] == 3
    assert ["passed on unjudged" in " ".join(each.warnings) for each in report.k_spaces] == [False, True, False]
    assert "image 1: expected finite pixels, found NaN or infinite ones" in caplog.text
    with pytest.raises(RawDataError, match="image 1: expected finite pixels"):
        ImageRepair(tmp_path / "in.h5", tmp_path / "out.h5", {"spark_detection.on_failure": "fail"}).run()


def test_other_files_and_other_settings_are_refused(tmp_path):
    (tmp_path / "in.txt").write_bytes(b"no image" * 40)
    with pytest.raises(RawDataError, match="expected MRD images"):
        ImageRepair(tmp_path / "in.txt", tmp_path / "out.txt").run()
    with pytest.raises(SettingsError, match=r"goes through spark_detection and calibration, found 'image_fft.x'"):
        ImageRepair(tmp_path / "in.txt", tmp_path / "out.txt", {"image_fft.x": "1"}).run()
    with pytest.raises(RawDataError, match="would overwrite"):
        ImageRepair(tmp_path / "in.txt", tmp_path / "in.txt").run()


def test_without_its_library_a_format_names_the_extra(tmp_path, monkeypatch):
    (tmp_path / "in.nii").write_bytes(struct.pack("<i", 348) + bytes(400))

    def refuse(name):
        raise ImportError(name)

    # The process that reads has libraries of its own.
    monkeypatch.setattr("pipelines.files.images.nifti_images.in_child", lambda make, *_: make())
    monkeypatch.setattr("pipelines.files.images.image_file.importlib.import_module", refuse)
    with pytest.raises(DesparkError, match=r'reading NIfTI needs nibabel, .*: pip install "despark\[images\]"'):
        ImageRepair(tmp_path / "in.nii", tmp_path / "out.nii").run()


def test_the_command_repairs_and_reports(tmp_path):
    write_mrd(tmp_path / "in.h5", [with_sparks(make_image()).astype(np.complex64)], 7)
    arguments = ["image", str(tmp_path / "in.h5"), "-o", str(tmp_path / "out.h5"), "--report", str(tmp_path / "r.json")]
    result = CliRunner().invoke(build_app("image"), arguments)
    assert result.exit_code == 0
    assert "2, 2 repaired, 0 refused" in result.output
    assert (tmp_path / "r.json").is_file()


def test_magnitudes_of_real_images_are_not_made_worse(data_folder):
    repairer = ImageRepairer(SparkDetectionSettings(provider="cpu"), CalibrationSettings())
    for name in ("siemens_gre_2ch", "lf055_brain7B_fse"):
        kspace = next(read_kspaces(data_folder / f"{name}.h5")).kspace
        sparked, _ = add_sparks(kspace, np.random.default_rng(0))
        truth, before = (np.abs(centred_inverse_fft(each.data[:1].copy(), (1, 2, 3))) for each in (kspace, sparked))
        assert repairer.repair(truth)[0] is None
        after = repairer.repair(before)[0]
        assert after is None or error_left(after, before, truth) < 1


def test_a_point_without_its_partner_is_the_anatomys_own():
    kspace = kspace_of_image(make_image()[None, None])
    places = [(0, 20, 30), (0, 76, 82), (0, 10, 10), (0, 45, 53), (0, 51, 59)]
    points = [
        Point(partition=p, line=y, sample=x, receivers=(0,), probability=1, scan_counter=0, time_stamp=0)
        for p, y, x in places
    ]
    assert [(point.line, point.sample) for point in in_pairs(points, kspace)] == [(20, 30), (76, 82)]


def test_a_change_counts_where_the_image_shows_it():
    stripes = np.tile(np.cos(0.7 * np.arange(128)), (96, 1))[None, None]
    image = 50 + np.where(np.arange(128) < 64, 3 * stripes, 0)
    changed = image + where_it_is(-3 * stripes, image)
    assert np.abs(changed[..., :40] - 50).max() < 0.5
    assert np.abs(changed[..., 90:] - 50).max() < 0.5
