"""Quiet places: far from the centre there is nothing but noise, and zero is what belongs there.

Where the samples around a burst are no louder than the receivers' noise, the image's background and the neighbours can
say no more than that. So nothing is transformed, searched or rehearsed for such a burst: what is around it is enough.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import replace

import numpy as np

from gadgets.arrays import BoolArray, FloatArray
from gadgets.background import noise_of
from gadgets.kspace import KSpace, mirrored
from gadgets.repair.bursts import Burst
from gadgets.repair.candidates import Candidate, sample_errors, shape_error

LOUDEST = 1.5
"""Times the noise that a quiet place may have: more holds as much signal as noise, which is worth predicting."""

REACH = (3, 4)
"""Lines and samples on either side of a burst."""


class QuietPlaces:
    """What noise says of the bursts of one k-space.

    Parameters
    ----------
    kspace
        As acquired.
    bursts
        All that is flagged: none of it tells what the noise around another one is.
    noise
        Of the receivers, by partition, as far as it is known; what is measured here is added. None: nothing is known.
    """

    def __init__(
        self, kspace: KSpace, bursts: Sequence[Burst], noise: MutableMapping[int, FloatArray] | None = None
    ) -> None:
        self._kspace = kspace
        self._bursts = bursts
        self._levels: dict[int, dict[Burst, FloatArray]] = {}
        self._noise = {} if noise is None else noise
        self._flagged: dict[int, BoolArray] = {}
        for burst in bursts:
            if burst.partition not in self._flagged:
                self._flagged[burst.partition] = np.zeros(kspace.sampled.shape[1:], bool)
            # In all receivers: what one of them was hit by may have reached the others, too weakly to be seen.
            self._flagged[burst.partition][burst.line, burst.start : burst.stop] = True

    def candidate(self, burst: Burst) -> Candidate | None:
        """Give zero, with the noise as its error; None where a burst lies among signal, or among too few samples."""
        level = self._level_of(burst)
        noise = self._noise_of(burst.partition)[burst.receivers, None]
        # Written such that an unknown level, which is infinite or not a number, is not quiet.
        if not np.all(level <= LOUDEST * noise):
            return None
        # Zero is as wrong as the noise around it is loud.
        return Candidate("zero", np.zeros(level.shape, np.complex64), level)

    def _level_of(self, burst: Burst) -> FloatArray:
        """Measure how loud it is around a burst, shape ``(receiver, sample)``; infinite among too few samples."""
        turned = self._kspace.reversed_lines[burst.partition]
        if burst.partition not in self._levels:
            data = np.asarray(mirrored(self._kspace.data[:, burst.partition], turned))
            clean = np.broadcast_to(self._clean(burst.partition, slice(None)), data.shape)
            bursts = [each for each in self._bursts if each.partition == burst.partition]
            self._levels[burst.partition] = sample_errors(data, clean, bursts, REACH)
        known = self._levels[burst.partition].get(burst)
        if known is not None:
            return known
        first = max(0, burst.line - REACH[0])
        lines = slice(first, burst.line + REACH[0] + 1)
        data = np.asarray(mirrored(self._kspace.data[:, burst.partition, lines], turned[lines]))
        clean = np.broadcast_to(self._clean(burst.partition, lines), data.shape)
        return shape_error(data, clean, replace(burst, line=burst.line - first), REACH)

    def _clean(self, partition: int, lines: slice) -> BoolArray:
        """Tell which samples of some lines are clean, those acquired from right to left mirrored."""
        kspace = self._kspace
        there = mirrored(kspace.sampled[partition, lines], kspace.reversed_lines[partition, lines])
        return there.astype(bool) & ~self._flagged[partition][lines]

    def _noise_of(self, partition: int) -> FloatArray:
        if partition not in self._noise:
            self._noise[partition] = noise_of(self._kspace, partition)
        return self._noise[partition]
