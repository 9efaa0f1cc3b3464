"""Readouts that were acquired from right to left (EPI), turned so that all run the same way."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray

ScalarT = TypeVar("ScalarT", bound=np.generic)


def mirrored(values: NDArray[ScalarT], reversed_lines: BoolArray) -> NDArray[ScalarT]:
    """Mirror the readouts that were acquired from right to left; shape ``(…, kz, ky, kx)`` is kept.

    Where there are none, as in all but EPI, the array itself is given: it takes no second k-space.
    """
    if not reversed_lines.any():
        return values
    values = values.copy()
    values[..., reversed_lines, :] = values[..., reversed_lines, ::-1]
    return values
