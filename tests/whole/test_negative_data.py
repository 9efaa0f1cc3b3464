"""What looks like sparks and is none: nothing may be changed, or no more than is stated here."""

import numpy as np
import pytest
from helpers.kspaces import make_plane

from gadgets.calibration import calibrate
from gadgets.detection.detector import Detector
from gadgets.indices import Indices
from gadgets.kspace.kspace import KSpace
from gadgets.settings.definitions import CalibrationSettings, SparkDetectionSettings
from pipelines.benchmark.score import count_changed
from pipelines.files.read_kspaces import read_kspaces

CHANGED = {
    "siemens_epi_2ch": 0,
    "syn_mni152_2d_8sl_8ch_R2pf": 0,
    "siemens_phantom_se_32ch_64": 0,
    "lf055_flair_norfcage_2avg": 0,
    "brain_8ch_poisson_kykz": 0,
    "emi_lines_1B": 1,
}
"""Most samples that may be changed in each file: EPI with reversed lines, partial Fourier, a small sharp phantom,
continuous interference, Poisson-disc holes, bursts that fill whole readouts."""


@pytest.fixture(scope="module")
def detector():
    return Detector(SparkDetectionSettings(provider="cpu"))


def n_changed(detector, kspace):
    repaired, _ = calibrate(kspace, detector.detect(kspace).points, CalibrationSettings(on_failure="fail"))
    return 0 if repaired is None else count_changed(kspace, repaired)


def as_kspace(plane):
    lines = np.zeros((1, plane.shape[1]), dtype=int)
    sampled = np.ones((1, *plane.shape[1:]), dtype=bool)
    centre = (0, plane.shape[1] // 2, plane.shape[2] // 2)
    return KSpace(plane[:, None].astype(np.complex64), sampled, Indices(), lines, lines, lines.astype(bool), centre)


def noise(rng, shape, level=1.0):
    return level * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)


@pytest.mark.parametrize("file", CHANGED)
def test_recorded_data_that_look_like_sparks(detector, data_folder, file):
    kspaces = [acquired.kspace for acquired in read_kspaces(data_folder / f"{file}.h5")]
    assert sum(n_changed(detector, kspace) for kspace in kspaces) <= CHANGED[file]


@pytest.mark.parametrize("n_coils", [1, 4, 16])
@pytest.mark.parametrize("angle", [0.0, 0.3, 0.8])
def test_star_lines_of_a_sharp_bar(detector, n_coils, angle):
    rng = np.random.default_rng(3)
    y, x = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128), indexing="ij")
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    bar = ((np.abs(along) < 70) & (np.abs(across) < 25)).astype(float)
    profiles = np.exp(2j * rng.random(n_coils))[:, None, None] * (
        1 + 0.3 * rng.random(n_coils)[:, None, None] * x / 128
    )
    plane = np.fft.fftshift(np.fft.fft2(40 * bar * profiles, norm="ortho"), axes=(1, 2))
    plane = plane[:, 64:192, 64:192] + noise(rng, (n_coils, 128, 128))
    assert n_changed(detector, as_kspace(plane)) == 0


@pytest.mark.parametrize("level", [3.0, 10.0, 50.0])
def test_whole_noisy_readouts(detector, level):
    rng = np.random.default_rng(4)
    plane = make_plane(4, 4, (96, 128), signal=30.0)
    noisy = [5, 30, 31, 62, 90]
    plane[:, noisy] += noise(rng, (4, len(noisy), 128), level)
    assert n_changed(detector, as_kspace(plane)) <= 5


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_lines_with_holes(detector, share):
    rng = np.random.default_rng(5)
    kspace = as_kspace(make_plane(5, 8, (96, 128), signal=30.0))
    sampled = rng.random(kspace.sampled.shape) < share
    data = np.where(sampled, kspace.data, 0)
    holes = KSpace(
        data, sampled, kspace.indices, kspace.scan_counter, kspace.time_stamp, kspace.reversed_lines, kspace.centre
    )
    assert n_changed(detector, holes) == 0
