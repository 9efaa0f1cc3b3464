"""Bursts: flagged samples that follow each other in one readout, and the k-space around them.

A spark is a moment in time, so its samples are consecutive and have to be predicted together: none of them may
serve to predict another. Readouts that were acquired from right to left are mirrored here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray
from gadgets.kspace import KSpace, mirrored
from gadgets.records import Point

ScalarT = TypeVar("ScalarT", bound=np.generic)

MAX_LENGTH = 16  # longer runs of flagged samples are cut: their middle is out of reach of their ends anyway


@dataclass(frozen=True, eq=False)
class Surroundings:
    """K-space as the repair looks at it.

    Attributes
    ----------
    data
        Samples, shape ``(coil, kz, ky, kx)``, reversed readouts mirrored; zero where not sampled or not finite.
    missing
        Samples that tell nothing: flagged or not finite, shape ``(coil, kz, ky, kx)``.
    clean
        Samples that were acquired and are not missing, shape ``(coil, kz, ky, kx)``.
    """

    data: ComplexArray
    missing: BoolArray
    clean: BoolArray

    @cached_property
    def clean_everywhere(self) -> BoolArray:
        """Samples that are clean in all receivers, shape ``(kz, ky, kx)``."""
        return np.asarray(np.all(self.clean, axis=0))


@dataclass(frozen=True, eq=False)
class Burst:
    """Consecutive flagged samples of one readout, ``start <= sample < stop`` as in :class:`Surroundings`.

    ``receivers`` are those hit in any of the samples, ascending. ``points`` are the flagged points: the index in
    the list they came from, and their place in the burst.
    """

    partition: int
    line: int
    start: int
    stop: int
    receivers: NDArray[np.int_]
    points: tuple[tuple[int, int], ...]

    @property
    def length(self) -> int:
        """Number of samples."""
        return self.stop - self.start

    def of(self, values: NDArray[ScalarT]) -> NDArray[ScalarT]:
        """Take the burst's samples out of an array ``(coil, kz, ky, kx)``, shape ``(receiver, sample)``."""
        return values[self.receivers, self.partition, self.line, self.start : self.stop]

    def recorded_in(self, kspace: KSpace) -> ComplexArray:
        """Take what was recorded here out of a k-space as acquired, shape ``(receiver, sample)``."""
        readout = kspace.data[self.receivers, self.partition, self.line]
        if kspace.reversed_lines[self.partition, self.line]:
            readout = readout[:, ::-1]
        return np.asarray(readout[:, self.start : self.stop])


def surround(kspace: KSpace, points: Sequence[Point]) -> Surroundings:
    """Mark what is flagged or not finite, and mirror the readouts that were acquired from right to left."""
    finite = np.isfinite(kspace.data)
    missing = ~finite
    for point in points:
        missing[list(point.receivers_repaired), point.partition, point.line, point.sample] = True
    # Where nothing was acquired nothing is missing: nothing is to be put there.
    missing = mirrored(missing & kspace.sampled, kspace.reversed_lines).astype(bool)
    data = kspace.data if finite.all() else np.where(finite, kspace.data, 0)  # no copy of ordinary data
    sampled = mirrored(kspace.sampled, kspace.reversed_lines).astype(bool)
    return Surroundings(
        data=np.asarray(mirrored(data, kspace.reversed_lines)), missing=missing, clean=sampled & ~missing
    )


def group_bursts(kspace: KSpace, points: Sequence[Point], listed: Sequence[int]) -> list[Burst]:
    """Join points that follow each other in one readout into bursts.

    Parameters
    ----------
    kspace
        Tells which readouts are mirrored.
    points, listed
        All points, and the indices of those to be grouped. A sample that is listed twice counts once, with the
        receivers of both.
    """
    n_samples = kspace.data.shape[-1]
    samples: dict[tuple[int, int, int], list[int]] = {}
    for index in listed:
        point = points[index]
        reverse = kspace.reversed_lines[point.partition, point.line]
        sample = n_samples - 1 - point.sample if reverse else point.sample
        # A sample may be listed twice, by different receivers: both rows are answered.
        samples.setdefault((point.partition, point.line, sample), []).append(index)
    bursts: list[Burst] = []
    run: list[tuple[int, int, int]] = []
    for place in [*sorted(samples), None]:  # None ends the last run
        if run and (place is None or place != (*run[-1][:2], run[-1][2] + 1) or len(run) == MAX_LENGTH):
            bursts.append(_burst(run, samples, points))
            run = []
        if place is not None:
            run.append(place)
    return bursts


def _burst(
    run: list[tuple[int, int, int]], samples: dict[tuple[int, int, int], list[int]], points: Sequence[Point]
) -> Burst:
    members = tuple((index, step) for step, place in enumerate(run) for index in samples[place])
    # A receiver that was hit in one sample may be hit in the next as well, too weakly to be seen.
    receivers = sorted(set().union(*{points[index].receivers_repaired for index, _ in members}))
    partition, line, start = run[0]
    return Burst(partition, line, start, run[-1][2] + 1, np.array(receivers, dtype=np.int_), members)
