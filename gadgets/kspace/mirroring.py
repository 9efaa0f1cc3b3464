"""Readouts that were acquired from right to left (EPI), turned so that all run the same way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray


def mirrored(values: NDArray[np.generic], reversed_lines: BoolArray) -> NDArray[np.generic]:
    """Mirror the readouts that were acquired from right to left; shape ``(…, kz, ky, kx)`` is kept."""
    if not reversed_lines.any():
        return values
    values = values.copy()
    values[..., reversed_lines, :] = values[..., reversed_lines, ::-1]
    return values
