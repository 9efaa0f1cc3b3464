"""Radial and spiral scans that never were: a recorded image seen by its receivers, sampled along a trajectory.

The samples are the discrete Fourier transform at the trajectory's own places, summed up directly (no gridding), of the
coil images of a fully sampled Cartesian scan, noise of the recording included; and white noise on top of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from helpers.builders import acquisition, encoding

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.kspace.readout import ACQ_LAST_IN_SLICE, Encoding
from gadgets.wire import Acquisition
from pipelines.files.read_kspaces import read_kspaces

GOLDEN_ANGLE = np.deg2rad(111.246117975)


def coil_images(path: Path, n_coils: int, size: int = 96) -> ComplexArray:
    """Images of the strongest receivers of the first k-space of a file, shape ``(coil, y, x)``."""
    plane = next(iter(read_kspaces(path))).kspace.data[:, 0]
    strongest = np.argsort(-np.abs(plane).sum(axis=(1, 2)))[:n_coils]
    magnitude = np.abs(plane).sum(axis=0)
    peak = np.unravel_index(int(np.argmax(magnitude)), magnitude.shape)
    reach = [min(int(at), n - int(at), size // 2) for at, n in zip(peak, magnitude.shape, strict=True)]
    lines, columns = (slice(int(at) - each, int(at) + each) for at, each in zip(peak, reach, strict=True))
    middle = plane[strongest, lines, columns]
    return np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(middle, axes=(1, 2)), norm="ortho"), axes=(1, 2))


def radial(n_readouts: int = 160, n_samples: int = 192, step: float = GOLDEN_ANGLE) -> FloatArray:
    """Spokes through the centre, turned by the golden angle each, shape ``(readout, sample, 2)`` in -0.5 … 0.5."""
    along = np.arange(n_samples) / n_samples - 0.5
    angle = step * np.arange(n_readouts)
    return np.stack([np.outer(np.cos(angle), along), np.outer(np.sin(angle), along)], axis=-1)


def spiral(n_readouts: int = 24, n_samples: int = 1024, turns: float = 4.0) -> FloatArray:
    """Arms from the centre outwards, turned against each other, shape ``(readout, sample, 2)`` in -0.5 … 0.5."""
    along = np.arange(n_samples) / n_samples
    angle = 2 * np.pi * (turns * along + np.arange(n_readouts)[:, None] / n_readouts)
    return 0.5 * along[None, :, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def sampled(images: ComplexArray, trajectory: FloatArray, noise: float, seed: int = 0) -> ComplexArray:
    """Sample images along a trajectory, shape ``(coil, readout, sample)``.

    Parameters
    ----------
    noise
        Standard deviation of what is added to each sample, in units of the median magnitude of all samples.
    """
    n_y, n_x = images.shape[1:]
    flat = trajectory.reshape(-1, 2)
    along_x = np.exp(-2j * np.pi * np.outer(np.arange(n_x) - n_x // 2, flat[:, 0]))
    along_y = np.exp(-2j * np.pi * np.outer(np.arange(n_y) - n_y // 2, flat[:, 1]))
    samples = np.array([np.sum((image @ along_x) * along_y, axis=0) for image in images])
    rng = np.random.default_rng(seed)
    white = (rng.standard_normal(samples.shape) + 1j * rng.standard_normal(samples.shape)) / np.sqrt(2)
    samples = samples + noise * np.median(np.abs(samples)) * white
    return samples.reshape(len(images), *trajectory.shape[:2]).astype(np.complex64)


def scan(samples: ComplexArray, trajectory: FloatArray, kind: str) -> tuple[Encoding, list[Acquisition]]:
    """Give the encoding and the acquisitions of a scan; the trajectory goes along with every acquisition."""
    n_coils, n_readouts, n_samples = samples.shape
    items = []
    for number in range(n_readouts):
        flags = ACQ_LAST_IN_SLICE if number == n_readouts - 1 else 0
        blank = acquisition(number, n_samples=n_samples, n_coils=n_coils, flags=flags, n_trajectory=2)
        places = trajectory[number].astype(np.float32).tobytes()
        items.append(Acquisition(blank.header, places, np.ascontiguousarray(samples[:, number]).tobytes()))
    return encoding(n_lines=n_readouts, n_samples=n_samples, trajectory=kind), items
