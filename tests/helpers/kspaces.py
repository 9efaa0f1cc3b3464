"""Small k-spaces and planes of objects that never were, in noise; each from explicit numbers and one seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gadgets.indices import Indices
from gadgets.kspace.kspace import KSpace


def make_kspace(seed=0, n_coils=3, shape=(1, 24, 32), missing_lines=(), first_column=0, noise=1.0, signal=400.0):
    """Smooth signal in the centre; ``missing_lines`` are not sampled, nor is what lies left of ``first_column``."""
    rng = np.random.default_rng(seed)
    axes = [np.arange(n) - n // 2 for n in shape]
    radius = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    phases = np.exp(2j * np.pi * rng.random((n_coils, 1, 1, 1)))
    white = rng.normal(size=(n_coils, *shape)) + 1j * rng.normal(size=(n_coils, *shape))
    data = (signal * phases / (1 + radius) ** 2 + noise * white / np.sqrt(2)).astype(np.complex64)
    sampled = np.ones(shape, dtype=bool)
    sampled[:, list(missing_lines)] = False
    sampled[..., :first_column] = False
    data[:, ~sampled] = 0
    counter = np.arange(1, shape[0] * shape[1] + 1).reshape(shape[:2])
    reverse = np.zeros(shape[:2], dtype=bool)
    return KSpace(data, sampled, Indices(), counter, 4 * counter, reverse, tuple(n // 2 for n in shape))


def recorded_plane(seed=0, n_coils=3):
    """One plane of ``make_kspace``, as the training is given recordings."""
    return make_kspace(seed, n_coils, (1, 48, 64)).data[:, 0]


def make_plane(seed=0, n_coils=4, shape=(48, 64), signal=20.0):
    """An ellipse seen by receivers with different phases, in noise of standard deviation 1."""
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(*(np.linspace(-1, 1, n, endpoint=False) for n in shape), indexing="ij")
    ellipse = ((y / 0.6) ** 2 + (x / 0.5) ** 2 < 1) * (1 + 0.3 * np.sin(9 * x))
    phases = np.exp(1j * (rng.uniform(-2, 2, (n_coils, 1, 1)) * y + rng.uniform(-2, 2, (n_coils, 1, 1)) * x))
    white = rng.standard_normal((n_coils, *shape)) + 1j * rng.standard_normal((n_coils, *shape))
    image = signal * ellipse * phases + white / np.sqrt(2)
    return np.fft.fftshift(np.fft.fft2(image, norm="ortho"), axes=(1, 2)).astype(np.complex64)


def make_scan(n_coils=4, n_partitions=1, seed=0, shape=(64, 80)):
    """K-space of an ellipse in every partition, with a place and a time that are not zero."""
    planes = [make_plane(seed + partition, n_coils, shape, signal=30.0) for partition in range(n_partitions)]
    data = np.stack(planes, axis=1)
    counter = np.arange(1, n_partitions * shape[0] + 1).reshape(n_partitions, shape[0])
    sampled = np.ones(data.shape[1:], dtype=bool)
    centre = (n_partitions // 2, shape[0] // 2, shape[1] // 2)
    return KSpace(data, sampled, Indices(slice=3), counter, 10 * counter, np.zeros_like(counter, dtype=bool), centre)


def object_kspace(seed=0, n_coils=4, shape=(1, 32, 40), missing_lines=(), noise=1.0, scale=1.0):
    """K-space of bright boxes on a dark background, seen by receivers with smooth sensitivities."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*[(np.arange(n) - n // 2) / n for n in shape], indexing="ij")
    image = 40.0 * ((np.abs(y) < 0.3) & (np.abs(x) < 0.22)) - 25.0 * ((np.abs(y - 0.1) < 0.1) & (np.abs(x) < 0.1))
    image = image * (np.abs(z) < 0.35)
    angle = 2 * np.pi * np.arange(n_coils) / n_coils
    coils = [np.exp(np.cos(a) * y + np.sin(a) * x + 1j * (a + x + 0.5 * y)) for a in angle]
    data = np.fft.fftshift(
        np.fft.fftn(np.fft.ifftshift(np.stack(coils) * image, axes=(1, 2, 3)), axes=(1, 2, 3), norm="ortho"),
        axes=(1, 2, 3),
    )
    white = rng.normal(size=data.shape) + 1j * rng.normal(size=data.shape)
    data = (scale * (data + noise * white / np.sqrt(2))).astype(np.complex64)
    kspace = make_kspace(seed, n_coils, shape, missing_lines)
    data[:, ~kspace.sampled] = 0
    return replace(kspace, data=data)


def body_kspace(shape=(1, 48, 64), n_coils=2, seed=0):
    """K-space of a body with smooth phases and little noise, which fills most of the field of view."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(*(np.linspace(-1, 1, n, endpoint=False) if n > 1 else np.zeros(1) for n in shape), indexing="ij")
    body = 100.0 * (sum(axis**2 for axis in axes) < 0.4) * (1 + 0.5 * (np.abs(axes[2]) < 0.2))
    phases = np.exp(1j * (0.4 * axes[1] + 0.3 * axes[2] + np.arange(n_coils)[:, None, None, None]))
    image = np.fft.ifftshift(body * phases, axes=(1, 2, 3))
    data = np.fft.fftshift(np.fft.fftn(image, axes=(1, 2, 3), norm="ortho"), axes=(1, 2, 3))
    data = data + 0.1 * (rng.standard_normal(data.shape) + 1j * rng.standard_normal(data.shape))
    zeros = np.zeros(shape[:2], dtype=int)
    centre = (shape[0] // 2, shape[1] // 2, shape[2] // 2)
    sampled = np.ones(shape, dtype=bool)
    return KSpace(data.astype(np.complex64), sampled, Indices(), zeros, zeros, zeros.astype(bool), centre)
