import numpy as np
import pytest

from gadgets.kspace.readout import ACQ_IS_NOISE_MEASUREMENT, ACQ_LAST_IN_MEASUREMENT, ACQ_LAST_IN_SLICE
from pipelines.benchmark.readouts import noise_sigma
from pipelines.files.raw_file import RawFile
from pipelines.files.read_kspaces import read_kspaces
from pipelines.phantom.phantom_file import kspace_of_slice, write_phantom
from pipelines.phantom.phantom_scan import PhantomScan, header_xml

SCAN = PhantomScan(matrix=32, n_coils=4, n_slices=2, n_noise=2)


@pytest.fixture(scope="module")
def scan_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("phantom") / "scan.h5"
    write_phantom(path, SCAN)
    return path


def image_of(kspace):
    """Root sum of squares without the oversampled borders."""
    shifted = np.fft.ifftshift(kspace.data[:, 0], axes=(1, 2))
    images = np.fft.fftshift(np.fft.ifft2(shifted, norm="ortho"), axes=(1, 2))
    width = images.shape[2]
    return np.sqrt(np.sum(np.abs(images) ** 2, axis=0))[:, width // 4 : 3 * width // 4]


def test_acquisitions_are_complete_and_in_order(scan_file):
    with RawFile(scan_file) as raw:
        items = list(raw)
    heads = [item.fields for item in items]
    assert len(items) == 2 + 32 * 2
    assert [int(head["scan_counter"]) for head in heads] == list(range(1, len(items) + 1))
    assert np.all(np.diff([int(head["acquisition_time_stamp"]) for head in heads]) > 0)
    assert [bool(int(head["flags"]) & ACQ_IS_NOISE_MEASUREMENT) for head in heads] == [True] * 2 + [False] * 64
    assert sum(bool(int(head["flags"]) & ACQ_LAST_IN_SLICE) for head in heads) == 2
    assert [number for number, head in enumerate(heads) if int(head["flags"]) & ACQ_LAST_IN_MEASUREMENT] == [65]
    assert all(item.data.shape == (4, 64) for item in items)


def test_kspaces_are_whole_and_their_noise_is_one(scan_file):
    acquired = list(read_kspaces(scan_file))
    assert [item.kspace.indices.slice for item in acquired] == [0, 1]
    for item in acquired:
        assert item.n_missing == 0
        assert item.kspace.sampled.all()
        assert item.kspace.data.shape == (4, 1, 32, 64)
        assert item.kspace.centre == (0, 16, 32)


def test_outer_kspace_is_noise_of_sigma_one(tmp_path):
    write_phantom(tmp_path / "scan.h5", PhantomScan(matrix=96, n_coils=2, n_slices=1, snr=1))
    (acquired,) = read_kspaces(tmp_path / "scan.h5")
    assert noise_sigma(acquired.kspace) == pytest.approx(1, rel=0.05)


def test_image_shows_a_head_in_the_middle(scan_file):
    for acquired in read_kspaces(scan_file):
        image = image_of(acquired.kspace)
        assert image[12:20, 12:20].mean() > 5 * image[:4, :4].mean()


def test_header_has_no_version_and_the_sizes_of_the_scan(scan_file):
    assert b"<version>" not in header_xml(SCAN)
    with RawFile(scan_file) as raw:
        encoding = raw.header.encoding[0]
    assert (encoding.encodedSpace.matrixSize.x, encoding.reconSpace.matrixSize.x) == (64, 32)
    assert encoding.encodedSpace.fieldOfView_mm.x == 2 * encoding.reconSpace.fieldOfView_mm.x


def test_same_seed_same_file(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_phantom(tmp_path / name, PhantomScan(matrix=8, n_coils=2, n_slices=1, seed=seed))
    contents = []
    for name in "abc":
        with RawFile(tmp_path / name) as raw:
            contents.append([item.to_bytes() for item in raw])
    assert contents[0] == contents[1] != contents[2]


def test_kspace_peaks_at_its_centre():
    samples = kspace_of_slice(SCAN, 0, np.random.default_rng(0))
    line, column = np.unravel_index(int(np.argmax(np.abs(samples).sum(axis=0))), samples.shape[1:])
    assert abs(line - 16) <= 1
    assert abs(column - 32) <= 1
