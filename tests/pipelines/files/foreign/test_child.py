"""Files of others are read by a child process: whatever HDF5 does with them ends in one line."""

import errno
import logging
import os
import re
import struct
import time
import warnings
from functools import partial

import h5py
import nibabel
import numpy as np
import pydicom
import pytest
from helpers.connections import descendants
from helpers.raw_scans import make_raw_file, raw_waveform, scan_items
from ismrmrd.hdf5 import image_header_dtype

import pipelines.files.foreign.child
import pipelines.files.images.dicom.frames
import pipelines.files.images.nifti_images
from gadgets.errors import DesparkError, RawDataError
from pipelines.files import RawFile, open_images
from pipelines.files.foreign.child import LEAST_BYTES_PER_S, ROOM_BYTES, in_child

N_MUTATIONS = 60


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Do not wait for long: the kernel counts in seconds."""
    monkeypatch.setattr(pipelines.files.foreign.child, "LIMIT_S", 0)


def in_turn(*code):
    """Give a function, to be called in the child, that evaluates one expression after the other."""
    return partial(map, eval, code)


def raising(error):
    return f"(_ for _ in ()).throw(__import__('gadgets.errors').errors.{error})"


@pytest.fixture
def before():
    """The processes that there are before a file is read; the server that forks its readers is one of them."""
    list(in_child(in_turn("0"), "f"))
    return descendants()


def test_what_the_child_gives_arrives_in_order():
    assert list(in_child(partial(iter, range(1000)), "f")) == list(range(1000))


def test_an_error_of_ours_arrives_behind_what_came_before():
    things = in_child(in_turn("1", raising("RawDataError('f: broken at 2')")), "f")
    assert next(things) == 1
    with pytest.raises(RawDataError, match=r"^f: broken at 2$"):
        next(things)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("signal.raise_signal(signal.SIGSEGV)", r"f: cannot be read, the file is damaged \(.* ended by SIGSEGV"),
        ("signal.raise_signal(signal.SIGKILL)", r"f: cannot be read, the process that reads it was ended by SIGKILL; "),
        ("os._exit(3)", r"f: cannot be read, the file is damaged \(it was not read\)"),
        ("1 / 0", r"f: cannot be read \(division by zero\)"),
        ("exec('while True: pass')", r"f: cannot be read, the file is damaged \(.* was busy for 0 s"),
    ],
    ids=["crash", "outside", "exit", "exception", "endless"],
)
def test_however_the_child_ends_there_is_a_reason(code, reason, before):
    with pytest.raises(RawDataError, match=reason):
        list(in_child(in_turn(code), "f"))
    assert descendants() == before


def test_without_a_descriptor_for_a_pipe_there_is_a_reason(monkeypatch):
    def none_left():
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pipe", none_left)
    with pytest.raises(RawDataError, match=r"f: cannot be read, no process .*Too many open files"):
        list(in_child(in_turn("0"), "f"))


def test_a_child_that_nobody_listens_to_is_ended(before):
    things = in_child(partial(iter, range(10_000_000)), "f")
    assert next(things) == 0
    assert len(descendants() - before) == 1
    things.close()
    assert descendants() == before


def test_what_the_child_logs_is_logged_here(caplog):
    with caplog.at_level(logging.INFO):
        list(in_child(in_turn("__import__('logging').getLogger('pipelines.files.test').info('%d things', 3)"), "f"))
    assert "3 things" in caplog.text


def test_a_connection_ends_although_the_child_goes_on():
    ends = os.pipe()
    things = in_child(partial(map, time.sleep, [0.01] * 100_000), "f")
    next(things)
    os.close(ends[1])
    assert os.read(ends[0], 1) == b""
    os.close(ends[0])
    things.close()


@pytest.mark.parametrize("which", [0, 1])
def test_one_changed_byte_that_keeps_hdf5_busy_for_ever_is_a_damaged_file(tmp_path, which):
    path = make_raw_file(tmp_path / "scan.h5")
    content = bytearray(path.read_bytes())
    # Objects of a global heap: index, references, reserved, size. An index of 0 is free space, here of no size.
    place = content.find(b"GCOL") + 16
    if which:
        place += 16 + (struct.unpack_from("<Q", content, place + 8)[0] + 7) // 8 * 8
    struct.pack_into("<H", content, place, 0)
    struct.pack_into("<Q", content, place + 8, 0)
    path.write_bytes(content)
    with pytest.raises(RawDataError, match="the library that reads it was busy"), RawFile(path) as raw:
        list(raw)


def write_dicom(path):
    item = pydicom.Dataset()
    item.file_meta = pydicom.dataset.FileMetaDataset()
    item.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    item.file_meta.MediaStorageSOPClassUID = item.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    item.file_meta.MediaStorageSOPInstanceUID = item.SOPInstanceUID = "1.2.3"
    item.Rows = item.Columns = 8
    item.BitsAllocated = item.BitsStored = 16
    item.HighBit, item.PixelRepresentation, item.SamplesPerPixel = 15, 0, 1
    item.PhotometricInterpretation, item.PixelData = "MONOCHROME2", bytes(128)
    item.PatientName, item.AccessionNumber = "TOKNAME", "TOKACC"
    with path.open("wb") as file:
        pydicom.dcmwrite(file, item, write_like_original=False)


def write_nifti(path):
    nibabel.save(nibabel.Nifti1Image(np.arange(128, dtype=np.int16).reshape(8, 8, 2), np.eye(4)), path)


def write_images(path):
    with h5py.File(path, "w") as file:
        group = file.create_group("images/image_0")
        group["data"] = np.ones((2, 1, 1, 8, 8), np.float32)
        group["header"] = np.zeros(2, image_header_dtype)
        group["attributes"] = [b"", b""]


def read_raw(path):
    with RawFile(path) as raw:
        return [*raw.headers(), *raw]


def read_images(path):
    return open_images(path, "images", is_volume=False).images


IMPORTED_ANEW = (pipelines.files.images.nifti_images, pipelines.files.images.dicom.frames)

KINDS = {
    "raw.h5": (lambda path: make_raw_file(path, [*scan_items(), raw_waveform(scan_counter=3)]), read_raw),
    "images.h5": (write_images, read_images),
    "images.nii": (write_nifti, read_images),
    "images.nii.gz": (write_nifti, read_images),
    "image.dcm": (write_dicom, read_images),
}


@pytest.mark.parametrize("name", KINDS)
def test_files_that_are_damaged_anywhere_are_read_or_refused_in_one_line(tmp_path, name, caplog, capfd, monkeypatch):
    write, read = KINDS[name]
    path = tmp_path / name
    for module in IMPORTED_ANEW:
        # Each process would import its library again, and take longer for that than for the file.
        monkeypatch.setattr(module, "in_child", lambda make, *_: make())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(path)
    whole, rng = path.read_bytes(), np.random.default_rng(5)
    said = set()
    for _ in range(N_MUTATIONS):
        content = bytearray(whole)
        # What describes the data lies in front; a flipped sample is none of anybody's business.
        for place in rng.integers(0, min(len(content), 4000), rng.choice([1, 1, 2, 8])):
            content[place] = rng.choice([0, 255, content[place] ^ (1 << rng.integers(8))])
        path.write_bytes(content[: rng.integers(len(content))] if rng.random() < 0.1 else content)
        try:
            read(path)
        except DesparkError as error:
            said.add(str(error))
    assert said
    assert all(len(text.splitlines()) == 1 and str(path) in text for text in said)
    assert "TOK" not in caplog.text + "".join(said) + "".join(capfd.readouterr())


def taken(n_bytes):
    """Code that takes memory and, as that takes time, writes nothing into it."""
    return f"__import__('numpy').empty({n_bytes}, 'u1').nbytes"


def test_a_reader_gets_no_more_memory_than_it_can_need():
    with pytest.raises(RawDataError, match=f"f: cannot be read .that would take more than {ROOM_BYTES} bytes"):
        list(in_child(in_turn("1", taken(2 * ROOM_BYTES)), "f"))
    assert list(in_child(in_turn(taken(ROOM_BYTES // 2)), "f")) == [ROOM_BYTES // 2]
    # As much as a large file may hold in one piece.
    assert list(in_child(in_turn(taken(ROOM_BYTES)), "f", n_bytes=ROOM_BYTES // 4)) == [ROOM_BYTES]


def test_a_damaged_length_of_gigabytes_is_a_damaged_file(tmp_path):
    path = make_raw_file(tmp_path / "scan.h5")
    content = bytearray(path.read_bytes())
    # Nodes of the index of chunks: signature, kind, level, entries, two neighbours; then the first chunk's length.
    n_nodes = 0
    for place in (match.start() for match in re.finditer(rb"TREE\x01\x00", content)):
        struct.pack_into("<I", content, place + 24, 0xFFFFFFF0)
        n_nodes += 1
    assert n_nodes
    path.write_bytes(content)
    with pytest.raises(RawDataError, match="memory allocation failed"), RawFile(path) as raw:
        list(raw)


BUSY = """
import time
from pipelines.files.foreign.in_the_child import go_on
start = time.process_time()
for number in range(10):
    while time.process_time() < start + (number + 1) / 4:
        pass
    {}
"""


def busy(after_a_step):
    """Code that takes two and a half seconds of processor time before it gives anything."""
    return f"exec({BUSY.format(after_a_step)!r})"


def test_what_gets_on_may_take_its_time(monkeypatch):
    monkeypatch.setattr(pipelines.files.foreign.child, "LIMIT_S", 1)
    assert list(in_child(in_turn(busy("go_on()"), "3"), "f")) == [None, 3]
    with pytest.raises(RawDataError, match="was busy for 1 s"):
        list(in_child(in_turn(busy("pass"), "3"), "f"))


def test_a_large_file_that_is_read_whole_may_take_longer(tmp_path):
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, 4 * LEAST_BYTES_PER_S)
    assert list(in_child(in_turn(busy("pass"), "3"), "f", [large])) == [None, 3]
