"""Windows around simulated sparks, and what was missing in them: the examples of the value assignment model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray
from gadgets.indices import Indices
from gadgets.kspace.kspace import KSpace
from gadgets.local_statistics import noise_level
from gadgets.records import Point
from gadgets.repair.bursts import Burst, group_bursts, surround
from gadgets.repair.network.windows import N_CHANNELS, WINDOW
from gadgets.repair.predictor import Predictor
from onnx_models.training.examples.sparks import add_sparks

DRAWS = 4
"""Sets of sparks for each plane: making a plane takes longer than finding out what is known of its bursts."""

MOST_COILS, MOST_RECEIVERS = 8, 3
CROWDED_SHARE = 0.4
SEEN = 3.0
"""Noise levels that a spark must stand above for its sample to be flagged in a receiver."""


@dataclass(frozen=True, eq=False)
class WindowExamples:
    """Windows and what was to be added.

    Attributes
    ----------
    windows
        See :class:`gadgets.repair.network.windows.Windows`, shape ``(n, channel, line, sample)``, float16.
    missed
        Truth minus fill in units of the usual error, real and imaginary part, shape ``(n, 2, line, sample)``, float16;
        counts where the window says wanted.
    """

    windows: NDArray[np.float16]
    missed: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.windows)


def joined(parts: Sequence[WindowExamples]) -> WindowExamples:
    """Join examples into one set."""
    none = WindowExamples(np.zeros((0, N_CHANNELS, *WINDOW), np.float16), np.zeros((0, 2, *WINDOW), np.float16))
    names = [field.name for field in fields(WindowExamples)]
    return WindowExamples(**{name: np.concatenate([getattr(part, name) for part in (none, *parts)]) for name in names})


def plane_windows(plane: ComplexArray, rng: np.random.Generator) -> WindowExamples:
    """Put sparks into a clean plane, shape ``(coil, line, sample)``, several times; cut windows around their points."""
    # Time grows with the receivers, and the network takes each by itself.
    if len(plane) > MOST_COILS:
        plane = plane[rng.choice(len(plane), MOST_COILS, replace=False)]
    return joined([_sparked_windows(plane, rng) for _ in range(DRAWS)])


def _sparked_windows(plane: ComplexArray, rng: np.random.Generator) -> WindowExamples:
    acquired = _acquired(plane.shape[1], rng)
    # What was not acquired is zero before sparks come, so that the truth is what a scanner could have given.
    clean = np.where(acquired[None, :, None], plane, 0).astype(np.complex64)
    is_crowded = rng.random() < CROWDED_SHARE
    data = _crowded(clean, rng) if is_crowded else add_sparks(clean, rng, int(rng.integers(1, 9))).data
    kspace = _kspace_of(np.where(acquired[None, :, None], data, 0), acquired)
    points = _points(kspace.data[:, 0], clean)
    bursts = group_bursts(kspace, points, range(len(points)))
    predictor = Predictor(surround(kspace, points), bursts)
    return joined([_burst_windows(predictor, burst, clean, rng) for burst in bursts])


def _burst_windows(predictor: Predictor, burst: Burst, plane: ComplexArray, rng: np.random.Generator) -> WindowExamples:
    base, windows = predictor.windows(burst)
    truth = plane[burst.receivers, burst.line, burst.start : burst.stop]
    # In units of the usual error there: the network corrects an interpolation, whatever the scale of the data.
    missed = (truth - base.values) / windows.unit[:, None]
    missing = burst.of(predictor.around.missing)
    target = np.zeros((len(burst.receivers), 2, *WINDOW), np.float32)
    target[windows.here] = np.where(missing[:, None], np.stack([missed.real, missed.imag], axis=1), 0)
    chosen = rng.permutation(len(burst.receivers))[:MOST_RECEIVERS]
    # Half precision has no larger numbers; without the limit they would become infinite.
    limit = float(np.finfo(np.float16).max)
    halves = [np.clip(each[chosen], -limit, limit).astype(np.float16) for each in (windows.values, target)]
    return WindowExamples(*halves)


def _acquired(n_lines: int, rng: np.random.Generator) -> BoolArray:
    """Leave out lines of one plane in eight, every second or third outside a full centre."""
    acquired = np.ones(n_lines, bool)
    if rng.random() < 0.12 and n_lines >= 64:
        acquired = np.arange(n_lines) % int(rng.integers(2, 4)) == 0
        acquired |= np.abs(np.arange(n_lines) - n_lines // 2) < int(rng.integers(6, 17))
    return acquired


def _crowded(plane: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Put several short bursts near the strongest sample, where they hide each other's surroundings."""
    n_coils, n_lines, n_samples = plane.shape
    magnitude = np.sqrt(np.mean(np.abs(plane) ** 2, axis=0))
    centre = np.unravel_index(int(np.argmax(magnitude)), magnitude.shape)
    # A radius of 0.02 to 0.12, halved: the border is half of an axis away from the centre.
    reach = rng.uniform(0.02, 0.12) / 2
    data = plane.copy()
    for _ in range(int(rng.integers(1, 9))):
        length = int(rng.integers(1, 7))
        line = int(np.clip(centre[0] + rng.uniform(-reach, reach) * n_lines, 0, n_lines - 1))
        start = int(np.clip(centre[1] + rng.uniform(-reach, reach) * n_samples, 0, n_samples - length))
        hit = np.ones(n_coils, bool) if rng.random() < 0.7 else np.arange(n_coils) == rng.integers(n_coils)
        size = noise_level(magnitude) * np.sqrt(magnitude.size) * np.exp(rng.uniform(np.log(0.1), np.log(4)))
        burst = rng.standard_normal((n_coils, length)) + 1j * rng.standard_normal((n_coils, length))
        data[:, line, start : start + length] += size * hit[:, None] * burst
    return data


def _points(data: ComplexArray, clean: ComplexArray) -> list[Point]:
    """Flag what stands above the noise, in the receivers where it does."""
    noise = noise_level(np.sqrt(np.mean(np.abs(clean) ** 2, axis=0)))
    hit = np.abs(data - clean) > SEEN * max(noise, 1e-30)
    return [
        Point(
            partition=0,
            line=int(line),
            sample=int(sample),
            receivers=tuple(int(each) for each in np.flatnonzero(hit[:, line, sample])),
            probability=1,
            scan_counter=0,
            time_stamp=0,
        )
        for line, sample in np.argwhere(hit.any(axis=0))
    ]


def _kspace_of(plane: ComplexArray, acquired: BoolArray) -> KSpace:
    n_lines, n_samples = plane.shape[1:]
    return KSpace(
        data=plane[:, None],
        sampled=np.broadcast_to(acquired[None, :, None], (1, n_lines, n_samples)).copy(),
        indices=Indices(),
        scan_counter=np.zeros((1, n_lines), int),
        time_stamp=np.zeros((1, n_lines), int),
        reversed_lines=np.zeros((1, n_lines), bool),
        centre=(0, n_lines // 2, n_samples // 2),
    )
