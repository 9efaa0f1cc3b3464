"""What is known of missing samples alone, in no more memory than that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import IntArray
from gadgets.background.missing_samples import MissingSamples


@dataclass(frozen=True, eq=False)
class AtMissing:
    """Something that is known of missing samples alone, and takes no memory for all others.

    Attributes
    ----------
    number
        Of each sample that any receiver misses, shape ``(ky, kx)``.
    values
        Shape ``(coil, number)``.
    """

    number: NDArray[np.int32]
    values: NDArray[np.generic]

    @classmethod
    def of(
        cls, groups: Sequence[MissingSamples], values: Sequence[NDArray[np.generic]], otherwise: NDArray[np.generic]
    ) -> AtMissing:
        """Collect values ``(coil, sample)``, or ``(sample,)`` for all receivers, of groups of receivers.

        Parameters
        ----------
        groups, values
            What is known of each group.
        otherwise
            What holds in the receivers that do not miss a sample, shape ``(coil, ky, kx)``.
        """
        missed = np.zeros(otherwise.shape[1:], bool)
        for group in groups:
            missed[group.index[1:]] = True
        number = np.full(missed.shape, -1, np.int32)
        number[missed] = np.arange(np.count_nonzero(missed))
        collected = otherwise[:, missed]
        for group, known in zip(groups, values, strict=True):
            coils, line, sample = group.index
            collected[coils, number[line, sample]] = known
        return cls(number, collected)

    def at(self, receivers: IntArray, line: int, samples: slice) -> NDArray[Any]:
        """Give what is known of consecutive missing samples of a line, shape ``(receiver, sample)``."""
        return self.values[receivers[:, None], self.number[line, samples]]


def zeros(shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """Give zeros that take no memory."""
    return np.broadcast_to(dtype(0), shape)
