"""Data that no receiver records: without noise, with a background of exactly zero, echoes in any order."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import j1

from gadgets.detection.detector import Detector
from gadgets.detection.echo_peak import loud_readouts
from gadgets.kspace.from_array import kspace_of
from gadgets.settings import SparkDetectionSettings

SEEDS = range(20)


@pytest.fixture(scope="module")
def detector():
    return Detector(SparkDetectionSettings(provider="cpu"))


def ellipses_of(seed):
    """Centre, half axes and brightness of some ellipses inside the field of view from -0.5 to 0.5."""
    rng = np.random.default_rng(seed)
    return [(*rng.uniform(-0.15, 0.15, 2), *rng.uniform(0.05, 0.25, 2), rng.uniform(0.3, 1)) for _ in range(5)]


def pixels(seed, n_coils, shape=(64, 80)):
    """Cartesian k-space of pixels that are exactly zero outside the ellipses, shape ``(coil, line, sample)``."""
    y, x = np.meshgrid(*(np.arange(n) / n - 0.5 for n in shape), indexing="ij")
    image = sum(v * (((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 < 1) for cx, cy, a, b, v in ellipses_of(seed))
    coils = [np.exp(1j * coil) * (1 + 0.3 * np.cos(coil + 2 * x)) for coil in range(n_coils)]
    kspace = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image * np.stack(coils), axes=(1, 2))), axes=(1, 2))
    return kspace.astype(np.complex64)


def spokes(seed, n_coils, n_readouts=64, n_samples=96):
    """Radial k-space of the ellipses by their formula, spokes side by side or turned by the golden angle."""
    angle = np.arange(n_readouts) * (np.pi / n_readouts if seed % 2 else np.deg2rad(111.246))
    along = (np.arange(n_samples) - n_samples // 2) / 2
    kx, ky = np.outer(np.cos(angle), along), np.outer(np.sin(angle), along)
    data = np.zeros((n_coils, n_readouts, n_samples), complex)
    for cx, cy, a, b, value in ellipses_of(seed):
        radius = np.maximum(np.hypot(a * kx, b * ky), 1e-9)
        ellipse = value * a * b * j1(2 * np.pi * radius) / radius * np.exp(-2j * np.pi * (kx * cx + ky * cy))
        data += np.stack([np.exp(1j * coil) * (1 + 0.3 * np.cos(coil + 2 * cx)) * ellipse for coil in range(n_coils)])
    return data.astype(np.complex64)


@pytest.mark.parametrize("n_coils", [1, 4])
@pytest.mark.parametrize("seed", SEEDS)
def test_lines_in_any_order_of_a_trajectory_called_other_are_left_alone(detector, seed, n_coils):
    data = pixels(seed, n_coils)
    orders = {
        "by line": np.arange(64),
        "from the centre": np.argsort(np.abs(np.arange(64) - 32)),
        "golden": np.argsort(np.arange(64) * 0.618 % 1),
        "random": np.random.default_rng(seed).permutation(64),
    }
    order = orders[list(orders)[seed % 4]]
    kspace = replace(kspace_of(np.ascontiguousarray(data[:, order])), is_gridded=False)
    assert detector.detect(kspace).points == ()


@pytest.mark.parametrize("n_coils", [1, 4])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("data_of", [spokes, pixels])
def test_radial_and_cartesian_data_are_left_alone(detector, seed, n_coils, data_of):
    kspace = replace(kspace_of(data_of(seed, n_coils)), is_gridded=data_of is pixels)
    assert detector.detect(kspace).points == ()


@pytest.mark.parametrize("seed", range(3))
def test_a_spark_in_a_readout_of_them_is_found_all_the_same(detector, seed):
    data = spokes(seed, 4)
    data[:, 20, 12:14] += 0.3 * np.abs(data).max() * np.exp(1j * np.arange(4))[:, None]
    found = detector.detect(replace(kspace_of(data), is_gridded=False)).points
    assert {(point.line, point.sample) for point in found} == {(20, 12), (20, 13)}


def test_an_echo_that_stands_alone_is_loud_and_a_spark_makes_none():
    data = pixels(0, 2)
    order = np.argsort(np.arange(64) * 0.618 % 1)
    alone = replace(kspace_of(np.ascontiguousarray(data[:, order])), is_gridded=False)
    assert (0, int(np.flatnonzero(order == 32)[0])) in loud_readouts(alone)
    assert loud_readouts(replace(alone, is_gridded=True)) == set()
    even = spokes(1, 2)
    even[:, 30, 44:52] += 1000 * np.abs(even).max()
    assert loud_readouts(replace(kspace_of(even), is_gridded=False)) == set()
