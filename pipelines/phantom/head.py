"""An analytic head and the receivers around it: what the demo scans.

Structures are given in millimetres, with sharp edges where a head has some, and are drawn on a grid finer than
that of the scan, so that the k-space cut out of its transform ends where the signal has not (Gibbs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from gadgets.arrays import ComplexArray, FloatArray

HEAD = (72.0, 92.0, 85.0)
"""Semi-axes of the head in mm: left-right, front-back, along the slices."""

FAT, SKULL, FLUID, GREY, WHITE, BRIGHT = 1.0, 0.06, 0.22, 0.52, 0.74, 1.15
"""Signal of the tissues, T1-weighted."""


@dataclass(frozen=True)
class Ellipse:
    """A structure: centre and semi-axes (mm, left-right and front-back), rotation (degrees) and signal."""

    x: float
    y: float
    a: float
    b: float
    angle: float
    signal: float


DEEP_STRUCTURES = (
    Ellipse(-24, -6, 9, 17, 14, GREY),
    Ellipse(24, -6, 9, 17, -14, GREY),
    Ellipse(-9, 9, 7, 11, 24, GREY * 1.1),
    Ellipse(9, 9, 7, 11, -24, GREY * 1.1),
    Ellipse(-8, -20, 4.6, 17, 17, FLUID),
    Ellipse(8, -20, 4.6, 17, -17, FLUID),
    Ellipse(-13, 24, 4.2, 16, -24, FLUID),
    Ellipse(13, 24, 4.2, 16, 24, FLUID),
    Ellipse(0, 4, 1.6, 12, 0, FLUID),
    # A lesion and three vessels: small and sharp, what a stripe is mistaken for or hides.
    Ellipse(31, 24, 4.5, 3.6, 30, BRIGHT),
    Ellipse(-36, 10, 1.5, 1.5, 0, BRIGHT),
    Ellipse(0, 76, 2.2, 3.6, 0, BRIGHT),
    Ellipse(37, -22, 1.3, 1.3, 0, BRIGHT),
)


def draw_head(shape: tuple[int, int], extent: tuple[float, float], z: float, rng: np.random.Generator) -> FloatArray:
    """Draw one slice of the head.

    Parameters
    ----------
    shape
        Grid along y (front-back) and x (left-right).
    extent
        Field of view along the same axes, mm.
    z
        Position of the slice, mm from the middle of the head.
    rng
        Draws the soft texture and the folds of the cortex.

    Returns
    -------
        Signal, shape ``shape``.
    """
    y, x = _coordinates(shape, extent)
    # An ellipsoid is smaller away from its middle; it never vanishes, as an empty slice would show nothing.
    scale = np.sqrt(max(1 - (z / HEAD[2]) ** 2, 0.05))
    x, y = x / scale, y / scale
    head = np.hypot(x / HEAD[0], y / HEAD[1])
    angle = np.arctan2(y / HEAD[1], x / HEAD[0])
    image = np.where(head < 1, FAT, 0.0)
    # From the outside inwards: each tissue is drawn over the middle of the one before.
    image[head < 0.93] = SKULL
    image[head < 0.86] = FLUID
    # Folds and the fissure make edges in all directions, whose star lines in k-space are what a spark is taken for.
    brain = head < 0.83 + 0.012 * _folds(angle, rng, 14, 30) - 0.05 * _fissure(x)
    image[brain] = GREY
    image[brain & (head < 0.7 + 0.045 * _folds(angle, rng, 9, 26) - 0.12 * _fissure(x))] = WHITE
    # In their order: lesion and vessels lie over what is drawn before.
    for part in DEEP_STRUCTURES:
        image[_inside(part, x, y) & (head < 0.83)] = part.signal
    return image * _texture(shape, rng)


def sensitivities(n_coils: int, shape: tuple[int, int], extent: tuple[float, float]) -> ComplexArray:
    """Smooth complex sensitivities of receivers on a ring around the head.

    Returns
    -------
        Shape ``(coil, y, x)``; their root sum of squares is about 1 at the head's edge.
    """
    y, x = _coordinates(shape, extent)
    maps = []
    for coil in range(n_coils):
        angle = 2 * np.pi * (coil + 0.3) / n_coils
        towards_x, towards_y = np.cos(angle), np.sin(angle)
        dx, dy = x - 1.35 * HEAD[0] * towards_x, y - 1.25 * HEAD[1] * towards_y
        near = 1 / (1 + (dx**2 + dy**2) / 70.0**2)
        # The field of a loop turns along with the direction towards it.
        phase = angle + 0.012 * (dx * towards_y - dy * towards_x) + 0.006 * (dx * towards_x + dy * towards_y)
        maps.append(near**1.3 * np.exp(1j * phase))
    return np.stack(maps)


def background_phase(shape: tuple[int, int], extent: tuple[float, float]) -> ComplexArray:
    """Smooth phase of an inhomogeneous main field, shape ``shape``."""
    y, x = (axis / 100 for axis in _coordinates(shape, extent))
    return np.asarray(np.exp(1j * (0.4 + 0.9 * x - 0.5 * y + 0.8 * x * y + 0.7 * y**2)))


def _coordinates(shape: tuple[int, int], extent: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    axes = ((np.arange(n) - n // 2) * length / n for n, length in zip(shape, extent, strict=True))
    y, x = np.meshgrid(*axes, indexing="ij")
    return y, x


def _inside(part: Ellipse, x: FloatArray, y: FloatArray) -> FloatArray:
    angle = np.deg2rad(part.angle)
    along = (x - part.x) * np.cos(angle) + (y - part.y) * np.sin(angle)
    across = -(x - part.x) * np.sin(angle) + (y - part.y) * np.cos(angle)
    return np.asarray((along / part.a) ** 2 + (across / part.b) ** 2 < 1)


def _folds(angle: FloatArray, rng: np.random.Generator, lowest: int, highest: int) -> FloatArray:
    """Wavy line around the head, between about -1 and 1."""
    orders = np.arange(lowest, highest)
    weights, phases = rng.uniform(0.4, 1.0, orders.size), rng.uniform(0, 2 * np.pi, orders.size)
    # Whole orders only, so that the line closes around the head.
    folds = sum(w * np.cos(order * angle + p) for w, order, p in zip(weights, orders, phases, strict=True))
    return np.asarray(folds / np.sqrt(np.sum(weights**2)))


def _fissure(x: FloatArray) -> FloatArray:
    """Cleft between the hemispheres: 1 in the middle."""
    return np.asarray(np.exp(-((x / 1.7) ** 2)))


def _texture(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    fine, coarse = (ndimage.gaussian_filter(rng.normal(size=shape), width) for width in (2.5, 24))
    return np.asarray(1 + 0.035 * fine / fine.std() + 0.05 * coarse / coarse.std())
