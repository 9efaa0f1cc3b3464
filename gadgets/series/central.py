"""The middle of a k-space: the part in which a single k-space tells too little, and all that a memory has to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray
from gadgets.kspace import KSpace, mirrored, true_centre

SHARE = 0.15
"""Radius that the middle reaches to. Sparks hide inside 0.1; beyond it, the error of a prediction is measured."""

LEAST = (2, 16, 16)
"""Partitions, lines and samples on either side of the centre that belong to it in any case."""

Window = tuple[slice, slice, slice]
"""Partitions, lines and samples, as they are once reversed readouts are mirrored."""


@dataclass(frozen=True, eq=False)
class Central:
    """The middle of one k-space, reversed readouts mirrored.

    Attributes
    ----------
    data
        Samples, shape ``(coil, kz, ky, kx)``; zero where nothing was acquired or a value is not finite.
    valid
        Samples that were acquired and are finite in all receivers, shape ``(kz, ky, kx)``.
    recorded
        What `data` were before they were repaired; None where nothing was.
    changes
        How much had changed since earlier k-spaces, by partition: see :attr:`gadgets.series.Witness.usual_changes`.
    """

    data: ComplexArray
    valid: BoolArray
    recorded: ComplexArray | None = None
    changes: Mapping[int, float] = field(default_factory=dict)

    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""
        return self.data.nbytes + self.valid.nbytes + (0 if self.recorded is None else self.recorded.nbytes)


def window_of(kspace: KSpace) -> Window:
    """Choose the middle about the loudest partition, line and column: headers may name another centre."""
    # A single NaN makes the sums of its line and column NaN, and the largest of all for argmax.
    finite = np.nan_to_num(kspace.data, posinf=0.0, neginf=0.0) if not np.isfinite(kspace.data).all() else kspace.data
    # Mirrored first: as acquired, forward and reversed readouts have their echoes on opposite sides.
    centre = true_centre(np.asarray(mirrored(finite, kspace.reversed_lines)))
    ranges = []
    for at, n, least in zip(centre, kspace.sampled.shape, LEAST, strict=True):
        # A radius of 1 is the further border, as in the evidence: with a partial echo the centre is near the other one.
        half = max(least, int(np.ceil(SHARE * max(at, n - 1 - at))))
        ranges.append(slice(max(0, at - half), min(n, at + half + 1)))
    return ranges[0], ranges[1], ranges[2]


def central(kspace: KSpace, window: Window) -> Central:
    """Take the middle out of a k-space, as a copy."""
    partitions, lines, samples = window
    turned = kspace.reversed_lines[partitions, lines]
    data = mirrored(kspace.data[:, partitions, lines], turned)[..., samples]
    valid = mirrored(kspace.sampled[partitions, lines], turned)[..., samples].astype(bool)
    # Of all receivers or none: one mask for all, as they share the weights of the prediction.
    valid = valid & np.isfinite(data).all(axis=0)
    # A copy also where all is valid: a view would keep the whole k-space in memory for as long as its middle is
    # remembered.
    return Central(np.where(valid, data, 0).astype(np.complex64), valid)
