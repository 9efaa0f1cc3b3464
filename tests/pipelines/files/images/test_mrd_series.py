"""Series of MRD images: read where they are what they should be, refused with the place where not."""

from __future__ import annotations

import fcntl
import gzip
import os

import h5py
import numpy as np
import pytest
from ismrmrd.hdf5 import image_header_dtype

from gadgets.errors import RawDataError
from pipelines.files.images.opening import open_images

PIXELS = np.arange(2 * 64, dtype=np.float32).reshape(2, 1, 1, 8, 8)
HEADERS = np.zeros(2, image_header_dtype)


def write(path, data=PIXELS, header=HEADERS):
    with h5py.File(path, "w") as file:
        series = file.create_group("images/image_0")
        for name, value in (("data", data), ("header", header)):
            if value is not None:
                series[name] = value
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "images.h5"


@pytest.mark.parametrize("kind", ["<f4", ">f4", ">i2", "<f8", "<f2", ">c8"])
def test_pixels_of_every_type_are_read_and_written_back(path, tmp_path, kind):
    file = open_images(write(path, PIXELS.astype(kind)))
    np.testing.assert_array_equal(np.array(file.images), PIXELS)
    file.write(tmp_path / "out.h5", {1: file.images[0]}, {})
    with h5py.File(tmp_path / "out.h5") as out:
        assert out["images/image_0/data"].dtype == np.dtype(kind)
        np.testing.assert_array_equal(out["images/image_0/data"][1], PIXELS[0])


@pytest.mark.parametrize(
    ("data", "header", "reason"),
    [
        (np.array([b"a"]), HEADERS, r"image_0/data: expected pixels that are numbers, found \|S1"),
        (PIXELS > 0, HEADERS, "expected pixels that are numbers, found bool"),
        (np.zeros(PIXELS.shape, [("real", "S2"), ("imag", "S2")]), HEADERS, "expected pixels that are numbers"),
        (np.zeros(PIXELS.shape, "V3"), HEADERS, "expected pixels that are numbers"),
        (PIXELS[0], HEADERS, r"expected axes \(image, channel, z, y, x\), found shape \(1, 1, 8, 8\)"),
        (np.float32(1), HEADERS, r"expected axes .* found shape \(\)"),
        (PIXELS[..., :0], HEADERS, r"expected axes .* found shape \(2, 1, 1, 8, 0\)"),
        (PIXELS, HEADERS[:1], r"image_0: expected a header for each of 2 images, found shape \(1,\)"),
        (PIXELS, np.zeros((), image_header_dtype), r"expected a header for each of 2 images, found shape \(\)"),
        (PIXELS, np.zeros(2), "image_0/header: expected MRD image headers with an image_type, found float64"),
        (PIXELS, np.array([b"x", b"y"]), "expected MRD image headers"),
        (PIXELS, np.zeros(2, [("image_type", "f4")]), "expected MRD image headers"),
        (PIXELS, np.zeros(2, [("image_type", "u2", (3,))]), "expected MRD image headers"),
        (PIXELS, h5py.Empty("f4"), "image_0/header: expected values, found an empty dataset"),
        (h5py.SoftLink("data"), HEADERS, "'data' leads from link to link without end"),
        (h5py.SoftLink("/nowhere"), HEADERS, "'data' is a link that leads nowhere"),
        (np.dtype("f4"), HEADERS, "image_0/data: expected a dataset, found a datatype"),
    ],
)
def test_a_series_of_another_kind_is_refused_with_the_place(path, data, header, reason):
    write(path, data, header)
    with pytest.raises(RawDataError, match=reason) as caught:
        open_images(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["images", "images/image_0", "images/image_0/data", "images/image_0/header"])
@pytest.mark.timeout(60)
def test_links_out_of_the_file_are_not_followed(path, name):
    pipe = path.with_name("pipe")
    os.mkfifo(pipe)
    with h5py.File(write(path), "r+") as file:
        del file[name]
        file[name] = h5py.ExternalLink(str(pipe), "/x")
    with pytest.raises(RawDataError, match="leads out of the file by a link, which is not followed"):
        open_images(path)


@pytest.mark.parametrize(("value", "kind"), [(np.arange(3), "dataset"), (np.dtype("f4"), "datatype")])
def test_what_is_no_group_of_images_is_refused(path, value, kind):
    with h5py.File(path, "w") as file:
        file["images"] = value
    with pytest.raises(RawDataError, match=f"expected a group 'images' with MRD images, found: a {kind}"):
        open_images(path)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def only_signature(path):
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(range(256)))


def larger_than_memory(path):
    with h5py.File(path, "r+") as file:
        del file["images/image_0/data"]
        chunks, shape = (1, 1, 1, 64, 64), (2, 1, 1, 10**7, 10**7)
        file["images/image_0"].create_dataset("data", shape, "f4", chunks=chunks)


def damaged_chunk(path):
    with h5py.File(path, "r+") as file:
        del file["images/image_0/data"]
        dataset = file["images/image_0"].create_dataset("data", data=PIXELS, chunks=PIXELS.shape, compression="gzip")
        file.flush()
        offset = dataset.id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[offset : offset + 20] = bytes(20)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (cut, "cannot be read .the file is truncated"),
        (only_signature, "cannot be read"),
        (larger_than_memory, "image_0/data: damaged from element 0 on .Unable to allocate"),
        (damaged_chunk, "image_0/data: damaged from element 0 on"),
        (lambda path: path.write_bytes(b""), "found none of these"),
        (lambda path: path.unlink(), "no such file"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "found a device or a pipe"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(path, change, reason):
    change(write(path))
    with pytest.raises(RawDataError, match=reason) as caught:
        open_images(path)
    assert "\n" not in str(caught.value)


def test_images_that_another_program_writes_to_can_be_read(path):
    with write(path).open("r+b") as elsewhere:
        fcntl.flock(elsewhere, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert len(open_images(path).images) == 2


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_compressed_nifti_file_that_is_cut_off_is_refused(tmp_path, share):
    nibabel = pytest.importorskip("nibabel")
    volume = np.random.default_rng(0).normal(size=(16, 16, 4))
    content = gzip.compress(nibabel.Nifti1Image(volume, np.eye(4)).to_bytes())
    path = tmp_path / "volume.nii.gz"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RawDataError, match="not a readable NIfTI file"):
        open_images(path)


@pytest.mark.parametrize("shape", [(0, 8, 8), (8, 8, 0), (8,)])
def test_a_nifti_file_without_an_image_is_refused(tmp_path, shape):
    nibabel = pytest.importorskip("nibabel")
    nibabel.Nifti1Image(np.zeros(shape, np.float32), np.eye(4)).to_filename(tmp_path / "volume.nii")
    with pytest.raises(RawDataError, match="expected gray or complex images, found float32 of shape"):
        open_images(tmp_path / "volume.nii")
