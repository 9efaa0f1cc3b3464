"""Images without raw data: transformed, repaired, transformed back, and written into the container they came in."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from helpers.images.striped import SPARKS, error_left, make_image, read_mrd, with_sparks, write_mrd
from typer.testing import CliRunner

from gadgets.errors import DesparkError, RawDataError, SettingsError
from gadgets.image.reconstruction import centred_fft, centred_inverse_fft
from pipelines.commands.command_line import build_app
from pipelines.files.images.opening import open_images
from pipelines.replay.images.image_repair import ImageRepair
from pipelines.replay.images.image_repairer import kspace_of_image


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


def test_a_process_that_cannot_be_started_for_the_writing_is_no_fault_of_the_output(tmp_path, monkeypatch):
    write_mrd(tmp_path / "in.h5", [make_image().real.astype(np.float32)])
    file = open_images(tmp_path / "in.h5")

    def refused(*_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("pipelines.files.foreign.child.Forked", refused)
    with pytest.raises(RawDataError, match=r"in.h5: cannot be read, no process can be started"):
        file.write(tmp_path / "out.part", {0: file.images[0]}, {})
