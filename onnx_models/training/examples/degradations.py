"""What sequences and scanners do to clean k-space: ghosts, filters, padding, interference, lines left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray


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
