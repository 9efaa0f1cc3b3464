"""Sparks for training: bursts added to clean k-space, with the labels that the models learn from.

Not the simulator that scores (``pipelines/benchmark``): bursts, gains and phases are drawn from other families, so
that no model is graded by its teacher. Source document: training data from simulated sparks on spark-free recorded
or simulated k-space, stronger nearer the centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.local_statistics import local_median, noise_level


@dataclass(frozen=True, eq=False)
class SparkedPlane:
    """A plane with sparks and its labels, shapes ``(coil, line, sample)`` and twice ``(line, sample)``.

    ``ignored`` marks samples of sparks too weak to be told from what surrounds them: neither right nor wrong.
    """

    data: ComplexArray
    abnormal: BoolArray
    ignored: BoolArray


def add_sparks(plane: ComplexArray, rng: np.random.Generator, n_bursts: int) -> SparkedPlane:
    """Add `n_bursts` bursts to a plane of clean data, shape ``(coil, line, sample)``."""
    n_lines, n_samples = plane.shape[1:]
    magnitude = np.sqrt(np.mean(np.abs(plane) ** 2, axis=0))
    noise, level = noise_level(magnitude), np.maximum(local_median(magnitude, 2), 1e-30)
    sparks = np.zeros_like(plane)
    for _ in range(n_bursts):
        line, sample, radius = _place(level, rng)
        # Even in logarithms, and up to three times stronger in the centre, as the source document asks.
        rnr = np.exp(rng.uniform(np.log(0.05), np.log(6.0))) * (1 + 2 * max(0.0, 1 - radius / 0.3) * rng.random())
        # A sample of this size makes a ripple of rnr times the noise in the image.
        peak = rnr * noise * np.sqrt(n_lines * n_samples)
        gains = _gains(plane, rng)
        for nearby in _repeats(line, n_lines, rng):
            # A burst ends with its readout: no receiver is open between two.
            burst = _burst(rng)[: n_samples - sample]
            phase = np.exp(2j * np.pi * rng.random())
            # Complex and additive, as a receiver adds it up; another burst with each repeat, as no two discharges are
            # alike.
            sparks[:, nearby, sample : sample + burst.size] += peak * phase * gains[:, None] * burst[None, :]
    strongest = np.abs(sparks).max(axis=0)
    # Labels ask for what can be told: a fair part of the local signal, and clearly above the noise.
    seen = strongest > np.maximum(5 * noise, 0.15 * level)
    data = (plane + sparks).astype(np.complex64)
    return SparkedPlane(data=data, abnormal=seen, ignored=(strongest > 1.5 * noise) & ~seen)


def _place(level: FloatArray, rng: np.random.Generator) -> tuple[int, int, float]:
    """Draw line, first sample and radius: half of the bursts anywhere, half crowded around the centre."""
    n_lines, n_samples = level.shape
    centre = np.unravel_index(int(np.argmax(level)), level.shape)
    reach = np.array([max(c, n - 1 - c, 1) for c, n in zip(centre, level.shape, strict=True)])
    if rng.random() < 0.5:
        place = np.array([rng.integers(n_lines), rng.integers(n_samples)])
    else:
        # At 0.17 of the radius on average, and at most at 0.6.
        angle, radius = rng.uniform(0, 2 * np.pi), rng.beta(1.2, 3.0) * 0.6
        place = np.rint(np.array(centre) + radius * reach * np.array([np.sin(angle), np.cos(angle)])).astype(int)
        place = np.clip(place, 0, np.array(level.shape) - 1)
    return int(place[0]), int(place[1]), float(np.hypot(*((place - np.array(centre)) / reach)))


def _burst(rng: np.random.Generator) -> NDArray[np.complexfloating]:
    """One burst in time, largest magnitude 1: a click, a ringing decay, or a short stretch of noise."""
    kind = rng.random()
    length = int(rng.integers(1, 9))
    if kind < 0.35:
        length = int(rng.integers(1, 3))
        shape = rng.uniform(0.5, 1.0, length).astype(complex)
    elif kind < 0.65:
        time = np.arange(length)
        shape = np.exp(-time / rng.uniform(0.6, 4.0)) * np.exp(1j * rng.uniform(-np.pi, np.pi) * time)
    else:
        shape = rng.standard_normal(length) + 1j * rng.standard_normal(length)
    return np.asarray(shape / np.abs(shape).max())


def _gains(plane: ComplexArray, rng: np.random.Generator) -> NDArray[np.complexfloating]:
    """Receiver gains, largest magnitude 1: all receivers, one, some, or as the receivers see a real object."""
    n_coils = plane.shape[0]
    gains = np.exp(rng.normal(0, rng.uniform(0.1, 1.0), n_coils)) * np.exp(2j * np.pi * rng.random(n_coils))
    kind = rng.random()
    if kind < 0.3:
        gains *= np.arange(n_coils) == rng.integers(n_coils)
    elif kind < 0.4:
        gains *= rng.random(n_coils) < rng.uniform(0.2, 0.8)
    elif kind < 0.55:
        places = rng.integers(plane[0].size, size=3)
        # A spark that the receivers see as they see the object cannot be told by its gains; models must not rely on
        # them.
        gains = plane.reshape(n_coils, -1)[:, places] @ rng.standard_normal(3) + 1e-3 * np.abs(plane).max() * gains
    largest = np.abs(gains).max()
    if largest == 0:
        gains, largest = np.ones(n_coils, dtype=complex), 1.0
    return np.asarray(gains / largest)


def _repeats(line: int, n_lines: int, rng: np.random.Generator) -> list[int]:
    """Lines hit: most sparks come once; some come back at the same sample of the next few lines."""
    if rng.random() < 0.9:
        return [line]
    step = int(rng.integers(1, 4))
    return [there for there in range(line, line + step * int(rng.integers(2, 5)), step) if there < n_lines]
