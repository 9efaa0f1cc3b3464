"""Converts pixels to the number type of a file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def as_stored(values: NDArray[Any], dtype: DTypeLike, bits: int | None = None) -> tuple[NDArray[Any], int]:
    """Turn values into the type of a file; whole numbers are rounded, and never wrap round.

    Parameters
    ----------
    values
        Real, or complex where the type is.
    dtype
        Of the file.
    bits
        That whole numbers are stored in, where these are fewer than those of the type.

    Returns
    -------
        The pixels, and how many of them the type cannot hold: they get the nearest value that it can.
    """
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        return values.astype(kind), 0
    limits = np.iinfo(kind)
    spare = 0 if bits is None else limits.bits - bits
    # Shifted, so that signed types keep their sign: 12 of 16 bits go from -2048 to 2047.
    least, most = limits.min >> spare, limits.max >> spare
    rounded = np.rint(values)
    n_clipped = int(np.count_nonzero((rounded < least) | (rounded > most)))
    return np.clip(rounded, least, most).astype(kind), n_clipped
