"""Clean k-space of objects that nobody scanned: variety that the recordings at hand do not have.

Sharp edges and their star lines, smooth objects, resolution bars, few and many receivers, filtered, zero-padded and
partial readouts, ghosts between odd and even lines, broad noise levels. Everything is drawn from one generator.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gadgets.arrays import ComplexArray, FloatArray

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
        noise = np.tensordot(mixing * np.exp(rng.normal(0, 0.2, n_coils))[:, None], noise, 1)
    return np.asarray(data / peak * signal_to_noise + noise)


def degrade(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Do to clean k-space what sequences and scanners do to it; shape may shrink, never to nothing."""
    # Real sequences do several of these at once, so each is drawn by itself.
    for likely, effect in (
        (0.12, _with_ghosts),
        (0.12, _unsteady),
        (0.15, _filtered),
        (0.1, _with_quiet_lines),
        (0.1, _with_offset),
        (0.08, _interfered),
        (1.0, _cropped),
        (0.1, _quantised),
    ):
        if rng.random() < likely:
            data = effect(data, rng)
    return np.ascontiguousarray(data, dtype=np.complex64)


def _with_ghosts(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Give every second line another phase and delay, as EPI does."""
    n_lines, n_samples = data.shape[1:]
    ramp = rng.normal(0, 0.3) + rng.normal(0, 0.05) * (np.arange(n_samples) - n_samples / 2)
    is_odd = (np.arange(n_lines) % 2 == 1)[None, :, None]
    return np.where(is_odd, data * np.exp(1j * ramp), data)


def _unsteady(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Let the signal vary from line to line or from train to train, as motion and echo trains do."""
    n_lines = data.shape[1]
    train = np.arange(n_lines) // (4 if rng.random() < 0.5 else 1)
    strength = 1 + rng.uniform(0, 0.2) * rng.standard_normal(n_lines)
    turn = np.exp(1j * rng.uniform(0, 0.5) * rng.standard_normal(n_lines))
    return np.asarray(data * (strength * turn)[train][None, :, None])


def _filtered(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    n_lines, n_samples = data.shape[1:]
    return np.asarray(data * _window(n_lines, rng)[None, :, None] * _window(n_samples, rng)[None, None, :])


def _with_quiet_lines(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    data = data.copy()
    # Lines at the border that hold less, or nothing, as filters and padding leave them.
    quiet = int(rng.integers(1, max(2, data.shape[1] // 10)))
    data[:, -quiet:] *= rng.choice([0.0, 0.1, 0.3, 0.5])
    return data


def _with_offset(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Add a constant: the bright dot in the middle of the image that an offset of the receiver makes."""
    return np.asarray(data + rng.uniform(0.2, 3) * np.abs(data).mean())


def _quantised(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    # From 9 to 14 bits of the largest magnitude: coarse converters, and files that hold whole numbers.
    step = max(float(np.abs(data).max()) / 2.0 ** float(rng.integers(9, 15)), 1e-9)
    return np.asarray(step * (np.rint(data.real / step) + 1j * np.rint(data.imag / step)))


def _window(n: int, rng: np.random.Generator) -> NDArray[np.floating]:
    """Draw a filter that damps the borders, or pads them with zeros."""
    position = np.abs(np.linspace(-1, 1, n))
    kind = rng.random()
    if kind < 0.4:
        return np.asarray(rng.uniform(0.05, 0.6) + (1 - rng.uniform(0.05, 0.6)) * np.cos(np.pi / 2 * position) ** 2)
    if kind < 0.7:
        return np.asarray(1 / (1 + np.exp((position - rng.uniform(0.7, 0.95)) / 0.03)))
    return np.asarray(np.less(position, rng.uniform(0.7, 1.0)), dtype=float)


def _interfered(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Add a foreign carrier: on all lines (a zipper) or on a few readouts in full length."""
    n_coils, n_lines, n_samples = data.shape
    # Interference in full length is no spark: models have to leave such readouts alone.
    share = 1.0 if rng.random() < 0.5 else rng.uniform(0.01, 0.1)
    lines = np.asarray(rng.random(n_lines) < share, dtype=float)
    # One frequency, and another phase in each line: a foreign transmitter is not in step with the sequence.
    carrier = np.exp(2j * np.pi * (rng.random() * np.arange(n_samples) + rng.random((n_lines, 1))))
    broad = rng.standard_normal((n_lines, n_samples)) + 1j * rng.standard_normal((n_lines, n_samples))
    shape = carrier if rng.random() < 0.6 else broad
    gains = np.exp(rng.normal(0, 0.5, n_coils) + 2j * np.pi * rng.random(n_coils))
    strength = rng.uniform(0.5, 6) * np.median(np.abs(data))
    return np.asarray(data + strength * gains[:, None, None] * (lines[:, None] * shape)[None])


def _cropped(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Leave out what a sequence does not acquire: partial echo, partial Fourier, every second line."""
    n_lines, n_samples = data.shape[1:]
    if rng.random() < 0.15:
        data = data[:, :, int(n_samples * rng.uniform(0, 0.3)) :]
    if rng.random() < 0.15:
        data = data[:, int(n_lines * rng.uniform(0, 0.35)) :]
    n_lines = data.shape[1]
    if rng.random() < 0.15 and n_lines > 64:
        keep = np.arange(n_lines) % int(rng.integers(2, 4)) == 0
        if rng.random() < 0.7:
            half = int(rng.integers(6, 17))
            keep |= np.abs(np.arange(n_lines) - n_lines // 2) < half
        data = data[:, keep]
    return data
