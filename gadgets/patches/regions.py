"""Regions of k-space: what belongs to its centre, and what is outer.

Source document: a centre is closer to the middle of k-space than a first distance threshold (claim 5).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray

Region = Literal["centre", "outer"]
REGIONS: tuple[Region, ...] = ("centre", "outer")
INNER = 0.1
"""First distance threshold: a patch with a sample closer to the centre than this belongs to the centre."""


def in_centre(positions: NDArray[np.float32]) -> BoolArray:
    """Tell which patches belong to the centre; positions as from :func:`gadgets.patches.cutting.relative_positions`."""
    return np.asarray(positions[:, -1] < INNER)
