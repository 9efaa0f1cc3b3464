"""Small files that ask for gigabytes once they are unpacked are refused, and before they take them."""

import shutil
import struct
import time
import zlib

import h5py
import nibabel
import numpy as np
import pytest
from ismrmrd.hdf5 import image_header_dtype
from pydicom.data import get_testdata_file

from gadgets.errors import RawDataError
from pipelines.files import open_images
from pipelines.files.foreign.child import LIMIT_S, UNPACKED

GIGABYTES = 2
ROOM_BYTES = 160 << 20

MR_IMAGE, DEFLATED = b"1.2.840.10008.5.1.4.1.1.4\0", b"1.2.840.10008.1.2.1.99"
"""What DICOM calls the object, and the packing."""


@pytest.fixture(autouse=True)
def _little_room(monkeypatch):
    """So that it is soon full."""
    monkeypatch.setattr("pipelines.files.foreign.child.ROOM_BYTES", ROOM_BYTES)


def packed(beginning: bytes) -> bytes:
    """Give a deflated stream of something and, behind it, gigabytes of zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = packer.compress(beginning) + packer.flush(zlib.Z_FULL_FLUSH)
    megabyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    # Flushed in full, each of them begins anew, and may come again as it is.
    return start + megabyte * (GIGABYTES << 10) + packer.flush()


def write_dicom(path):
    n_bytes = GIGABYTES << 30
    meta = b"".join(
        struct.pack("<HH2sH", 2, number, kind, len(value)) + value
        for number, kind, value in ((0x02, b"UI", MR_IMAGE), (0x10, b"UI", DEFLATED))
    )
    size = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta))
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, n_bytes)
    path.write_bytes(bytes(128) + b"DICM" + size + meta + packed(pixels))


def write_nifti(path):
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape((1 << 14, 1 << 14, GIGABYTES << 2))
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    path.write_bytes(b"\x1f\x8b\x08" + bytes(7) + packed(header.binaryblock + bytes(4)))


def write_series(path):
    with h5py.File(path, "w") as file:
        group = file.create_group("images/image_0")
        # Nothing of it is in the file: what was never written is zero.
        group.create_dataset("data", (1, 1, GIGABYTES, 1 << 14, 1 << 14), np.float32, chunks=(1, 1, 1, 64, 64))
        group["header"] = np.zeros(1, image_header_dtype)


def write_many_series(path):
    with h5py.File(path, "w") as file:
        for number in range(8):
            group = file.create_group(f"images/image_{number}")
            group.create_dataset("data", (1, 1, 1, 1 << 12, 1 << 12), np.float32, chunks=(1, 1, 1, 64, 64))
            group["header"] = np.zeros(1, image_header_dtype)


@pytest.mark.parametrize(
    ("write", "name", "reason"),
    [
        (write_dicom, "image.dcm", "would take more than"),
        (write_nifti, "image.nii.gz", "would take more than"),
        (write_series, "images.h5", "Unable to allocate"),
        (write_many_series, "images.h5", "holds more than"),
    ],
)
def test_a_small_file_of_gigabytes_is_refused(tmp_path, write, name, reason):
    path = tmp_path / name
    write(path)
    assert ROOM_BYTES + UNPACKED * path.stat().st_size < GIGABYTES << 28
    began = time.process_time()
    with pytest.raises(RawDataError, match=reason) as refused:
        open_images(path)
    assert str(path) in str(refused.value)
    assert time.process_time() - began < LIMIT_S


def test_the_file_at_fault_is_named_among_others(tmp_path):
    write_dicom(tmp_path / "2.dcm")
    shutil.copy(get_testdata_file("MR_small.dcm"), tmp_path / "1.dcm")
    with pytest.raises(RawDataError, match=r"2\.dcm: cannot be read \(that would take more than"):
        open_images(tmp_path)
