"""Phantoms with hard edges: grids repeat, and walls shine in the echo's readout and column; nothing may be changed."""

import numpy as np
import pytest

from gadgets.calibration import calibrate
from gadgets.detection.detector import Detector
from gadgets.kspace.from_array import kspace_of
from gadgets.settings.definitions import CalibrationSettings, SparkDetectionSettings
from pipelines.benchmark.score import count_changed

ONCE_CHANGED = {"grid": (10, 27, 38, 78, 97), "block": (11, 47, 73, 84), "wall": (7, 34, 51, 57)}
"""Of the first 100 draws of each kind, some of the 40 in which samples were once changed; now three are."""
FINER = 3  # drawn finer than sampled: edges ring in the image, as in a scan


@pytest.fixture(scope="module")
def detector():
    return Detector(SparkDetectionSettings(provider="cpu"))


@pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind, seeds in ONCE_CHANGED.items() for seed in seeds])
def test_clean_samples_stay(detector, kind, seed):
    assert changed(detector, phantom_kspace(kind, seed)) == 0


@pytest.mark.parametrize("kind", ONCE_CHANGED)
def test_a_spark_beside_them_is_found(detector, kind):
    kspace = phantom_kspace(kind, ONCE_CHANGED[kind][0])
    line, sample = kspace.data.shape[2] // 4, kspace.data.shape[3] // 5
    kspace.data[:, 0, line, sample] += np.abs(kspace.data).max()
    assert (line, sample) in [(point.line, point.sample) for point in detector.detect(kspace).points]


def changed(detector, kspace):
    repaired, _ = calibrate(kspace, detector.detect(kspace).points, CalibrationSettings(on_failure="fail"))
    return 0 if repaired is None else count_changed(kspace, repaired)


def phantom_kspace(kind, seed):
    """Draw a phantom, its receivers, a smooth phase, and noise from a thousandth to a hundredth of a percent."""
    rng = np.random.default_rng(seed)
    n_coils, n_lines, n_samples = (int(rng.choice(choice)) for choice in ([1, 1, 2, 8, 16], [48, 64, 96], [48, 64, 96]))
    shape = FINER * n_lines, FINER * n_samples
    y, x = np.meshgrid(*((np.arange(n) - n // 2) / n for n in shape), indexing="ij")
    phase = sum(rng.normal(0, 0.6) * each for each in (y, x, y * x, y * y, x * x))
    images = OBJECTS[kind](rng, y, x) * np.exp(1j * phase) * _receivers(rng, n_coils, y, x)
    data = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(images, axes=(1, 2))), axes=(1, 2))
    data = data[:, n_lines:][:, :n_lines, n_samples : 2 * n_samples]
    noise = rng.normal(size=data.shape) + 1j * rng.normal(size=data.shape)
    data = data / np.abs(data).max() + 10 ** -rng.uniform(3, 4) * noise
    return kspace_of(data.astype(np.complex64))


def _grid(rng, y, x):
    """A disc with bars in both directions, as in phantoms that measure distortion."""
    period, width = rng.uniform(0.04, 0.12), rng.uniform(0.15, 0.5)
    is_bar = ((y / period) % 1 < width) | ((x / period) % 1 < width)
    return (np.hypot(y, x) < rng.uniform(0.3, 0.45)) * np.where(is_bar, rng.uniform(0, 0.2), 1)


def _block(rng, y, x):
    """A block with straight walls, partly filled."""
    down, right = rng.uniform(0.15, 0.45, 2)
    return ((abs(y) < down) & (abs(x) < right) & (y > -rng.uniform(0.5, 1) * down)).astype(float)


def _wall(rng, y, x):
    """What fills the field of view in one direction."""
    return (abs(x if rng.random() < 0.5 else y) < rng.uniform(0.1, 0.4)).astype(float)


OBJECTS = {"grid": _grid, "block": _block, "wall": _wall}


def _receivers(rng, n_coils, y, x):
    """Smooth profiles, shape ``(coil, y, x)``."""
    angles, width = 2 * np.pi * np.arange(n_coils) / n_coils + rng.uniform(0, 6), rng.uniform(0.4, 0.9)
    if n_coils == 1:
        return np.ones((1, *y.shape))
    away = [(y - 0.6 * np.sin(angle)) ** 2 + (x - 0.6 * np.cos(angle)) ** 2 for angle in angles]
    return np.exp(-np.stack(away) / width**2 + 1j * angles[:, None, None])
