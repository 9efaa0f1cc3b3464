"""Clean planes from recorded k-space, varied without becoming unreal.

Some planes are taken as recorded; others lose receivers, borders or lines, or go through image space, where the
object gets another phase, another field of view, a hard mask or more noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from gadgets.arrays import ComplexArray
from gadgets.kspace.finite import is_all_finite
from gadgets.kspace.kspace import KSpace
from gadgets.kspace.units import in_ordinary_units
from gadgets.local_statistics import noise_level
from onnx_models.training.examples.degradations import degrade


def recorded_planes(kspaces: Sequence[KSpace]) -> list[ComplexArray]:
    """Collect the planes of recorded k-spaces: acquired lines stacked, shape ``(coil, line, sample)``.

    Planes with samples that are no numbers are left out: what learns from them is no number either.
    """
    planes = []
    for recorded in kspaces:
        kspace, _ = in_ordinary_units(recorded)
        for partition in range(kspace.data.shape[1]):
            lines = np.flatnonzero(kspace.sampled[partition].any(axis=-1))
            # Too few lines make no plane in which neighbours could be compared.
            if lines.size >= 16:
                planes.append(np.ascontiguousarray(kspace.data[:, partition, lines]))
        # A 3D scan also gives planes of partitions and samples; those near the centre line have signal.
        if kspace.data.shape[1] >= 32 and kspace.sampled.all():
            middle = kspace.data.shape[2] // 2
            planes.extend(np.ascontiguousarray(kspace.data[:, :, middle + offset]) for offset in (-3, 0, 4))
    return [plane for plane in planes if is_all_finite(plane)]


def vary(plane: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Make a new clean plane from a recorded one."""
    plane = _choose_receivers(plane, rng)
    if rng.random() < 0.5:
        # Mirrored k-space is that of a mirrored object, and as real.
        plane = plane[:, ::-1]
    if rng.random() < 0.5:
        plane = plane[:, :, ::-1]
    if rng.random() < 0.3:
        plane = _crop(plane, rng)
    if rng.random() < 0.35 and min(plane.shape[1:]) >= 48:
        plane = _through_image(plane, rng)
        # Only after the object was changed: as recorded, a plane already has what its own scanner did to it.
        plane = degrade(plane, rng)
    if rng.random() < 0.3:
        noise = noise_level(np.sqrt(np.mean(np.abs(plane) ** 2, axis=0))) * np.exp(rng.uniform(-1, 1.5))
        plane = plane + noise * (rng.standard_normal(plane.shape) + 1j * rng.standard_normal(plane.shape)) / 2**0.5
    return np.ascontiguousarray(plane, dtype=np.complex64)


def _choose_receivers(plane: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    n_coils = plane.shape[0]
    if n_coils == 1 or rng.random() < 0.4:
        return plane
    n_chosen = int(rng.choice([n for n in (1, 2, 3, 4, 6, 8, 12, 16, 24) if n < n_coils] or [1]))
    if rng.random() < 0.3:
        # Mixtures stand for other coils than those at hand.
        mixing = rng.standard_normal((n_chosen, n_coils)) + 1j * rng.standard_normal((n_chosen, n_coils))
        return np.asarray(np.tensordot(mixing, plane, 1))
    return plane[rng.choice(n_coils, n_chosen, replace=False)]


def _crop(plane: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Keep a window that still holds the centre, as a smaller matrix or a partial acquisition would."""
    for axis in (1, 2):
        n = plane.shape[axis]
        low, high = int(n * rng.uniform(0, 0.25)), n - int(n * rng.uniform(0, 0.25))
        if high - low >= 40:
            plane = plane.take(range(low, high), axis=axis)
    return plane


def _through_image(plane: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Change the object: field of view, smooth phase, hard mask, mirror image."""
    image = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(plane, axes=(1, 2))), axes=(1, 2))
    n_lines, n_samples = image.shape[1:]
    if rng.random() < 0.4:
        rough = gaussian_filter(rng.standard_normal((n_lines, n_samples)), rng.uniform(6, 30))
        image = image * np.exp(1j * rng.uniform(0.5, 4) * rough / max(float(np.abs(rough).max()), 1e-9))
    if rng.random() < 0.3:
        low, high = int(n_lines * rng.uniform(0, 0.2)), n_lines - int(n_lines * rng.uniform(0, 0.2))
        image = image[:, low:high]
    if rng.random() < 0.3:
        pad = int(n_samples * rng.uniform(0.1, 0.5))
        image = np.pad(image, ((0, 0), (0, 0), (pad, pad)))
        # Hardly anything, but not zero: the background of a receiver is noise.
        image = image + np.abs(image).max() * 1e-4 * (
            rng.standard_normal(image.shape) + 1j * rng.standard_normal(image.shape)
        )
    if rng.random() < 0.2:
        loud = np.sqrt(np.mean(np.abs(image) ** 2, axis=0))
        image = image * (loud > rng.uniform(0.05, 0.3) * loud.max())
    if rng.random() < 0.3:
        image = image.transpose(0, 2, 1)
    return np.asarray(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image, axes=(1, 2))), axes=(1, 2)))
