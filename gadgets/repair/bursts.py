"""Bursts: flagged samples that follow each other in one readout, and the k-space around them.

A spark is a moment in time, so its samples are consecutive and have to be predicted together: none of them may
serve to predict another. Readouts that were acquired from right to left are mirrored here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray, IntArray
from gadgets.kspace import KSpace, is_all_finite, mirrored
from gadgets.records import Point

ScalarT = TypeVar("ScalarT", bound=np.generic)

MAX_LENGTH = 16  # longer runs of flagged samples are cut: their middle is out of reach of their ends anyway


class Flagged(NamedTuple):
    """A flagged sample and the receivers in which it is: a point without all else that a record holds."""

    partition: int
    line: int
    sample: int
    receivers_repaired: tuple[int, ...] = ()


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
    runs_both_ways
        Whether readouts were mirrored (EPI).
    is_alike
        Whether all samples are finite, and all receivers miss the same ones.
    """

    data: ComplexArray
    missing: BoolArray
    clean: BoolArray
    runs_both_ways: bool = False
    is_alike: bool = False

    @cached_property
    def clean_everywhere(self) -> BoolArray:
        """Samples that are clean in all receivers, shape ``(kz, ky, kx)``."""
        return np.asarray(np.all(self.clean, axis=0))

    @cached_property
    def acquired(self) -> BoolArray:
        """Samples that were acquired, which are the same ones in all receivers, shape ``(kz, ky, kx)``."""
        return np.asarray(self.clean[0] | self.missing[0])

    @cached_property
    def acquired_lines(self) -> BoolArray:
        """Readouts of which something was acquired, shape ``(kz, ky)``."""
        return np.asarray(self.acquired.any(axis=-1))


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
    receivers: IntArray
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
        # Never a view of whole readouts, which would be kept with it.
        where = self.receivers, self.partition, self.line
        if kspace.reversed_lines[self.partition, self.line]:
            n_samples = kspace.data.shape[-1]
            return np.asarray(kspace.data[(*where, slice(n_samples - self.stop, n_samples - self.start))][:, ::-1])
        return np.asarray(kspace.data[(*where, slice(self.start, self.stop))])


def surround(kspace: KSpace, points: Sequence[Point | Flagged]) -> Surroundings:
    """Mark what is flagged or not finite, and mirror the readouts that were acquired from right to left."""
    data, shape = kspace.data, kspace.data.shape
    is_finite = is_all_finite(data)
    # Where all receivers miss the same samples, one mask stands for all of them: it takes their memory and their time.
    is_alike = is_finite and all(len(point.receivers_repaired) == kspace.n_coils for point in points)
    missing = np.zeros((1 if is_alike else shape[0], *shape[1:]), bool) if is_finite else ~np.isfinite(data)
    data = data if is_finite else np.where(missing, 0, data)
    for point in points:
        receivers = slice(None) if is_alike else list(point.receivers_repaired)
        missing[receivers, point.partition, point.line, point.sample] = True
    # Where nothing was acquired nothing is missing: nothing is to be put there.
    missing = mirrored(missing & kspace.sampled, kspace.reversed_lines).astype(bool, copy=False)
    clean = mirrored(kspace.sampled, kspace.reversed_lines).astype(bool, copy=False) & ~missing
    return Surroundings(
        data=np.asarray(mirrored(data, kspace.reversed_lines)),
        missing=np.broadcast_to(missing, shape),
        clean=np.broadcast_to(clean, shape),
        runs_both_ways=bool(kspace.reversed_lines.any()),
        is_alike=is_alike,
    )


def group_bursts(kspace: KSpace, points: Sequence[Point | Flagged], listed: Sequence[int]) -> list[Burst]:
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
    receivers: dict[frozenset[tuple[int, ...]], IntArray] = {}
    for run in _runs(sorted(samples)):
        members = tuple((index, step) for step, place in enumerate(run) for index in samples[place])
        hit = frozenset(points[index].receivers_repaired for index, _ in members)
        if hit not in receivers:  # hundreds of bursts may have hit the same ones
            # A receiver that was hit in one sample may be hit in the next as well, too weakly to be seen.
            receivers[hit] = np.array(sorted(set().union(*hit)), dtype=np.int_)
        partition, line, start = run[0]
        bursts.append(Burst(partition, line, start, run[-1][2] + 1, receivers[hit], members))
    return bursts


def _runs(places: Sequence[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Join places, in their order, that follow each other in one readout."""
    run: list[tuple[int, int, int]] = []
    for place in places:
        if run and (place != (*run[-1][:2], run[-1][2] + 1) or len(run) == MAX_LENGTH):
            yield run
            run = []
        run.append(place)
    if run:
        yield run
