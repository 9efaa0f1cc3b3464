"""Planes: a k-space as detection looks at it, one partition at a time."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray, IntArray
from gadgets.kspace.finite import is_all_finite
from gadgets.kspace.kspace import KSpace
from gadgets.kspace.mirroring import mirrored

FEWEST_LINES = 8
"""Fewer readouts than this are no k-space in which a sample could be compared with its neighbours."""


@dataclass(frozen=True, eq=False)
class Plane:
    """The acquired readouts of one partition, stacked; readouts acquired from right to left are mirrored.

    Attributes
    ----------
    data
        Shape ``(coil, line, sample)``; zero where nothing was acquired or a value is not finite.
    valid
        Samples that were acquired and are finite, shape ``(line, sample)``.
    partition
        Index of the partition.
    lines
        Index of each stacked line in k-space.
    first_sample
        Index of the first sample that any line has.
    reversed_lines
        Which of the stacked lines are mirrored.
    n_samples
        Samples per readout of the k-space, to turn mirrored indices back.
    centre
        Where the sequence puts the k-space centre: stacked line and sample.
    """

    data: ComplexArray
    valid: BoolArray
    partition: int
    lines: IntArray
    first_sample: int
    reversed_lines: BoolArray
    n_samples: int
    centre: tuple[int, int]

    def place(self, line: int, sample: int) -> tuple[int, int, int]:
        """Turn a place in the plane into one in k-space: partition, line, sample as acquired."""
        across = sample + self.first_sample
        if self.reversed_lines[line]:
            across = self.n_samples - 1 - across
        return self.partition, int(self.lines[line]), across

    def index_of(self, line: int, sample: int) -> tuple[int, int]:
        """Turn an acquired line of the k-space and a sample into a place in the plane."""
        # Lines that were not acquired leave no gap, so that places in a plane count the others only.
        stacked = int(np.searchsorted(self.lines, line))
        across = self.n_samples - 1 - sample if self.reversed_lines[stacked] else sample
        return stacked, across - self.first_sample


def planes_of(kspace: KSpace, without: Container[int] = (), fewest_lines: int = FEWEST_LINES) -> Iterator[Plane]:
    """Cut a k-space into planes; partitions with too few readouts to compare are left out.

    Parameters
    ----------
    kspace
        As acquired.
    without
        Partitions to be left out too.
    fewest_lines
        Readouts that a partition must have.
    """
    usable = kspace.sampled
    if not is_all_finite(kspace.data):
        usable = usable & np.isfinite(kspace.data).all(axis=0)  # receivers are judged together
    sampled = mirrored(usable, kspace.reversed_lines)
    data = mirrored(kspace.data, kspace.reversed_lines)
    for partition in range(data.shape[1]):
        lines = np.flatnonzero(sampled[partition].any(axis=-1))
        if partition in without or lines.size < max(fewest_lines, 1):
            continue
        # Columns that no line has are cut off: the noise is read from the outermost samples.
        columns = np.flatnonzero(sampled[partition].any(axis=0))
        window = slice(int(columns[0]), int(columns[-1]) + 1)
        valid = sampled[partition][lines, window]
        # All lines of a partition are a view, and need no second copy of the k-space.
        there = data[:, partition, slice(None) if lines.size == data.shape[2] else lines, window]
        yield Plane(
            data=(there if valid.all() else np.where(valid, there, 0)).astype(np.complex64, copy=False),
            valid=valid,
            partition=partition,
            lines=lines,
            first_sample=window.start,
            reversed_lines=kspace.reversed_lines[partition][lines],
            n_samples=data.shape[-1],
            centre=(int(np.searchsorted(lines, kspace.centre[1])), kspace.centre[2] - window.start),
        )
