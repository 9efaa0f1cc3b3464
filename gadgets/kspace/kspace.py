"""K-space as it was acquired: the value that every step of the method takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray, IntArray
from gadgets.indices import Indices


@dataclass(frozen=True, eq=False)
class KSpace:
    """One k-space as acquired: before any filter, crop, flip or coil compression.

    Attributes
    ----------
    data
        Samples, shape ``(coil, kz, ky, kx)``: receiver, partition, line (phase-encoding step) and
        sample along the readout, in the receiver's own units. Zero where nothing was sampled.
    sampled
        Which samples were acquired, shape ``(kz, ky, kx)``.
    indices
        The counters shared by all readouts.
    scan_counter, time_stamp
        Of the readout at each place, shape ``(kz, ky)``; 0 where no readout is. Time stamps are in the
        scanner's own units (2.5 ms on many systems).
    reversed_lines
        Readouts that were acquired from right to left (EPI) and are stored as acquired, shape ``(kz, ky)``.
    centre
        Where the sequence puts the k-space centre: ``(kz, ky, kx)``.
    is_gridded
        Whether lines and partitions are places in k-space; else they only number the readouts, and no Fourier
        transform makes an image of them.
    """

    data: ComplexArray
    sampled: BoolArray
    indices: Indices
    scan_counter: IntArray
    time_stamp: IntArray
    reversed_lines: BoolArray
    centre: tuple[int, int, int]
    is_gridded: bool = True

    @property
    def n_coils(self) -> int:
        """Number of receivers."""
        return int(self.data.shape[0])

    @property
    def acquired_lines(self) -> BoolArray:
        """Which readouts exist, shape ``(kz, ky)``."""
        acquired: BoolArray = np.any(self.sampled, axis=-1)
        return acquired
