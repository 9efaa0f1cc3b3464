"""Clean k-space of objects that nobody scanned: variety that the recordings at hand do not have.

Sharp edges and their star lines, smooth objects, resolution bars, few and many receivers, filtered, zero-padded and
partial readouts, ghosts between odd and even lines, broad noise levels. Everything is drawn from one generator.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from gadgets.arrays import ComplexArray, FloatArray
from onnx_models.training.examples.degradations import degrade

SIZES = (48, 64, 72, 80, 96, 112, 128, 144, 160, 192, 224, 256)


def phantom_plane(rng: np.random.Generator) -> ComplexArray:
    """Make one plane of clean k-space, shape ``(coil, line, sample)``."""
    n_lines, n_samples = int(rng.choice(SIZES)), int(rng.choice(SIZES))
    # Scanners oversample the readout: then half of the image beside the object is empty.
    oversampling = 2 if rng.random() < 0.4 else 1
    # With a single receiver nothing can be compared: the hardest case comes most often.
    n_coils = int(rng.choice([1, 1, 1, 2, 2, 3, 4, 6, 8, 12, 16, 24, 32]))
    n_samples = min(n_samples * oversampling, 384)
    # Drawn finer than sampled: edges then reach beyond the k-space and ring in the image, as in a scan.
    grid = (2 * n_lines, 2 * n_samples)
    image = _object(grid, oversampling, rng)
    coil_images = image * _sensitivities(grid, n_coils, rng)
    fine = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(coil_images, axes=(1, 2))), axes=(1, 2))
    first_line, first_sample = n_lines // 2, n_samples // 2
    data = fine[:, first_line : first_line + n_lines, first_sample : first_sample + n_samples]
    return degrade(add_noise(data, rng), rng)


def _coordinates(shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    line, sample = np.meshgrid(*(np.linspace(-1, 1, n, endpoint=False) for n in shape), indexing="ij")
    return line, sample


def _object(shape: tuple[int, int], oversampling: int, rng: np.random.Generator) -> ComplexArray:
    """Draw an object: ellipses, boxes, bars and texture, with a smooth phase."""
    y, x = _coordinates(shape)
    # The object keeps its size: an oversampled readout sees twice as far.
    x = x * oversampling
    image = np.zeros(shape)
    # One object of eight is larger than the field of view: no background, and a centre that is one sharp peak.
    extent = rng.uniform(0.35, 0.98) if rng.random() < 0.87 else 2.5
    body = (y / rng.uniform(0.5, 1) / extent) ** 2 + (x / rng.uniform(0.5, 1) / extent) ** 2 < 1
    image[body] = rng.uniform(0.2, 1)
    for _ in range(int(rng.integers(0, 12))):
        image += rng.uniform(-0.5, 1) * _shape(y, x, extent, rng)
    if rng.random() < 0.5:
        image *= body
    if rng.random() < 0.6:
        texture = gaussian_filter(rng.standard_normal(shape), rng.uniform(0.7, 8))
        image *= np.clip(1 + rng.uniform(0.05, 0.8) * texture / max(float(texture.std()), 1e-9), 0, 4)
    if rng.random() < 0.3:
        image = gaussian_filter(image, rng.uniform(0.5, 4))
    phase = np.zeros(shape)
    for power_y, power_x in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)):
        phase += rng.normal(0, 1.5) * y**power_y * x**power_x
    if rng.random() < 0.3:
        rough = gaussian_filter(rng.standard_normal(shape), rng.uniform(4, 20))
        phase = phase + rng.uniform(0.3, 2.5) * rough / max(float(np.abs(rough).max()), 1e-9)
    return np.asarray(image * np.exp(1j * phase))


def _shape(y: FloatArray, x: FloatArray, extent: float, rng: np.random.Generator) -> FloatArray:
    # Half of them stand straight: their edges make star lines along whole lines and columns of k-space.
    centre, angle = rng.uniform(-0.7, 0.7, 2) * extent, float(rng.integers(0, 2)) * rng.uniform(0, np.pi)
    u = (y - centre[0]) * np.cos(angle) + (x - centre[1]) * np.sin(angle)
    v = (x - centre[1]) * np.cos(angle) - (y - centre[0]) * np.sin(angle)
    half = rng.uniform(0.01, 0.4, 2) * extent
    kind = rng.random()
    if kind < 0.5:
        return np.asarray((u / half[0]) ** 2 + (v / half[1]) ** 2 < 1, dtype=float)
    box = (np.abs(u) < half[0]) & (np.abs(v) < half[1])
    if kind < 0.8:
        return np.asarray(box, dtype=float)
    return np.asarray(box * (np.sin(u * rng.uniform(20, 200)) > 0), dtype=float)


def _sensitivities(shape: tuple[int, int], n_coils: int, rng: np.random.Generator) -> ComplexArray:
    """Smooth receivers around the object, each with its own phase."""
    y, x = _coordinates(shape)
    if n_coils == 1 and rng.random() < 0.5:
        return np.ones((1, *shape), dtype=complex)
    angles = 2 * np.pi * (np.arange(n_coils) + rng.uniform(-0.3, 0.3, n_coils)) / n_coils + rng.uniform(0, 2 * np.pi)
    width, distance = rng.uniform(0.4, 1.5), rng.uniform(0.7, 1.4)
    twist = rng.uniform(0, 3)
    maps = []
    for angle in angles:
        dy, dx = y - distance * np.sin(angle), x - distance * np.cos(angle)
        maps.append(np.exp(-(dy**2 + dx**2) / width**2 + 1j * (twist * (dy * np.cos(angle) + dx) + angle)))
    return np.asarray(maps)


def add_noise(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Scale to unit noise and add it, correlated between receivers or not, with unequal receivers."""
    peak = np.abs(data).max()
    # Even in logarithms: noisy data come as often as clean ones.
    signal_to_noise = np.exp(rng.uniform(np.log(30), np.log(30000)))
    n_coils = data.shape[0]
    noise = (rng.standard_normal(data.shape) + 1j * rng.standard_normal(data.shape)) / np.sqrt(2)
    if n_coils > 1 and rng.random() < 0.7:
        mixing = np.eye(n_coils) + rng.uniform(0, 0.3) * rng.standard_normal((n_coils, n_coils)) / np.sqrt(n_coils)
        # ``(coil, coil)`` times ``(coil, line, sample)``; the factor makes receivers of unequal noise.
        noise = np.tensordot(mixing * np.exp(rng.normal(0, 0.2, n_coils))[:, None], noise, 1)
    return np.asarray(data / peak * signal_to_noise + noise)
