"""Bursts together: the samples of several bursts in one row, for what is computed for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, FloatArray
from gadgets.repair.bursts import Burst

ScalarT = TypeVar("ScalarT", bound=np.generic)


class Together:
    """The samples of several bursts of one partition in one row, each in all receivers of its burst.

    There may be hundreds of bursts: what is computed for the row takes hardly longer than for one of them.

    ``bursts`` come one after the other, each as ``(receiver, sample)``. ``coils``, ``lines`` and ``samples`` tell where
    each sample of the row lies, as in :class:`Surroundings`; ``lengths`` and ``steps`` how many its burst has in a
    receiver, and which of these it is.
    """

    def __init__(self, bursts: Sequence[Burst]) -> None:
        self.bursts = bursts
        counts = np.array([burst.receivers.size for burst in bursts], dtype=np.int_)
        lengths = np.array([burst.length for burst in bursts], dtype=np.int_)
        self._sizes = counts * lengths
        stops = np.cumsum(self._sizes)
        self._starts = stops - self._sizes
        self._slices = {
            burst: slice(start, stop) for burst, start, stop in zip(bursts, self._starts, stops, strict=True)
        }
        self.lengths = self.spread(lengths)
        # Within a burst sample follows sample, and receiver receiver: which of them each place of the row belongs to.
        row, self.steps = np.divmod(np.arange(self._sizes.sum()) - self.spread(self._starts), self.lengths)
        receivers = np.concatenate([burst.receivers for burst in bursts])
        self.coils = receivers[self.spread(np.cumsum(counts) - counts) + row]
        self.lines = self.spread(np.array([burst.line for burst in bursts]))
        self.samples = self.spread(np.array([burst.start for burst in bursts])) + self.steps

    def of(self, values: NDArray[ScalarT]) -> NDArray[ScalarT]:
        """Take the row out of an array ``(coil, ky, kx)``."""
        row: NDArray[ScalarT] = values[self.coils, self.lines, self.samples]
        return row

    def spread(self, values: NDArray[ScalarT]) -> NDArray[ScalarT]:
        """Give every sample of the row the value of its burst, from shape ``(burst,)``."""
        return np.repeat(values, self._sizes)

    def overall(self, row: FloatArray) -> FloatArray:
        """Root mean square of each burst, shape ``(burst,)``."""
        return np.asarray(np.sqrt(np.add.reduceat(row.astype(np.float64) ** 2, self._starts) / self._sizes))

    def any(self, row: BoolArray) -> BoolArray:
        """Tell for each burst whether something holds for any of its samples, shape ``(burst,)``."""
        return np.asarray(np.logical_or.reduceat(row, self._starts))

    def part(self, row: NDArray[ScalarT], burst: Burst) -> NDArray[ScalarT]:
        """Cut one burst out of a row, shape ``(receiver, sample)``."""
        return row[self._slices[burst]].reshape(burst.receivers.size, burst.length)

    def __contains__(self, burst: Burst) -> bool:
        return burst in self._slices
