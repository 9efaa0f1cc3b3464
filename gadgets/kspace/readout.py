"""One readout and the encoding it belongs to: what the assembly of a k-space needs to know of MRD headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.indices import Indices

# MRD numbers its flags from 1; these are the bits of the header's ``flags``.
ACQ_FIRST_IN_SLICE = 1 << 6
ACQ_LAST_IN_SLICE = 1 << 7
ACQ_FIRST_IN_REPETITION = 1 << 12
ACQ_LAST_IN_REPETITION = 1 << 13
ACQ_IS_NOISE_MEASUREMENT = 1 << 18
ACQ_IS_PARALLEL_CALIBRATION = 1 << 19
ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING = 1 << 20
ACQ_IS_REVERSE = 1 << 21
ACQ_IS_NAVIGATION_DATA = 1 << 22
ACQ_IS_PHASECORR_DATA = 1 << 23
ACQ_LAST_IN_MEASUREMENT = 1 << 24
ACQ_IS_HPFEEDBACK_DATA = 1 << 25
ACQ_IS_DUMMYSCAN_DATA = 1 << 26
ACQ_IS_RTFEEDBACK_DATA = 1 << 27
ACQ_IS_SURFACECOILCORRECTIONSCAN_DATA = 1 << 28
ACQ_IS_PHASE_STABILIZATION_REFERENCE = 1 << 29
ACQ_IS_PHASE_STABILIZATION = 1 << 30

# Without ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING: such a line belongs to the image as well.
NOT_IMAGING = (
    ACQ_IS_NOISE_MEASUREMENT
    | ACQ_IS_PARALLEL_CALIBRATION
    | ACQ_IS_NAVIGATION_DATA
    | ACQ_IS_PHASECORR_DATA
    | ACQ_IS_HPFEEDBACK_DATA
    | ACQ_IS_DUMMYSCAN_DATA
    | ACQ_IS_RTFEEDBACK_DATA
    | ACQ_IS_SURFACECOILCORRECTIONSCAN_DATA
    | ACQ_IS_PHASE_STABILIZATION_REFERENCE
    | ACQ_IS_PHASE_STABILIZATION
)

# By any of these a scan shows that it sets such flags at all.
FIRST_OR_LAST = (
    ACQ_FIRST_IN_SLICE | ACQ_LAST_IN_SLICE | ACQ_FIRST_IN_REPETITION | ACQ_LAST_IN_REPETITION | ACQ_LAST_IN_MEASUREMENT
)


def is_imaging(flags: int) -> bool:
    """Tell whether an acquisition with these flags is a line of an image's k-space."""
    return not flags & NOT_IMAGING


@dataclass(frozen=True)
class Limits:
    """Smallest, central and largest value of an encoding counter."""

    minimum: int = 0
    centre: int = 0
    maximum: int = 0

    @property
    def count(self) -> int:
        """Number of values from the smallest to the largest."""
        return self.maximum - self.minimum + 1

    def __contains__(self, value: int) -> bool:
        return self.minimum <= value <= self.maximum


@dataclass(frozen=True)
class Encoding:
    """One encoding of the scan.

    Matrices and fields of view (mm) are along readout, line and partition; ``last`` holds the largest value that the
    header announces for each counter, or None where only a part of the scan may come.
    """

    encoded_matrix: tuple[int, int, int]
    recon_matrix: tuple[int, int, int]
    lines: Limits
    partitions: Limits = Limits()
    encoded_fov: tuple[float, float, float] = (0.0, 0.0, 0.0)
    recon_fov: tuple[float, float, float] = (0.0, 0.0, 0.0)
    acceleration: tuple[int, int] = (1, 1)
    last: Indices | None = field(default_factory=Indices)
    trajectory: Literal["cartesian", "epi", "radial", "goldenangle", "spiral", "other"] = "cartesian"

    @property
    def is_cartesian(self) -> bool:
        """Whether line and partition counters are places in k-space."""
        # EPI runs through the grid to and fro, but each of its readouts still fills one line.
        return self.trajectory in ("cartesian", "epi")

    @property
    def is_3d(self) -> bool:
        """Whether k-space has partitions; limits of a single one may be wrong, but not where slices are announced."""
        has_slices = self.last is not None and self.last.slice > 0
        return self.partitions.maximum > 0 or (self.encoded_matrix[2] > 1 and not has_slices)

    @property
    def n_averages(self) -> int:
        """Averages that the header announces."""
        return 1 if self.last is None else self.last.average + 1

    @property
    def n_readouts_expected(self) -> int:
        """Readouts of a k-space that misses nothing but what acceleration leaves out."""
        accelerated = (
            # Rounded up: every second of five lines are three.
            -(-limits.count // factor)
            for limits, factor in zip((self.lines, self.partitions), self.acceleration, strict=True)
        )
        return int(np.prod(list(accelerated)))


@dataclass(frozen=True, eq=False)
class Readout:
    """One imaging readout, as acquired.

    Attributes
    ----------
    data
        Samples, shape ``(coil, kx)``.
    indices
        Which k-space it belongs to.
    line, partition
        Its place in that k-space.
    centre_sample
        The sample at the k-space centre; for a reversed readout, once it is turned round.
    n_discarded
        Samples at the beginning and the end that are not to be used.
    scan_counter, time_stamp, flags
        As in its MRD header.
    source
        What it came in, for the caller's own use.
    """

    data: ComplexArray
    indices: Indices
    line: int = 0
    partition: int = 0
    centre_sample: int = 0
    n_discarded: tuple[int, int] = (0, 0)
    scan_counter: int = 0
    time_stamp: int = 0
    flags: int = 0
    source: object = None

    @property
    def is_reversed(self) -> bool:
        """Whether it was acquired from right to left."""
        return bool(self.flags & ACQ_IS_REVERSE)

    @property
    def place(self) -> tuple[int, int]:
        """Partition and line."""
        return self.partition, self.line
