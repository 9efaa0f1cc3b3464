"""Target patches: which patches hold abnormal points, by the first classification models.

Source document: one model for the centre (M1) and one for the rest (M2), and thresholds by place, larger in the
centre (claims 5, 8, 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gadgets.kspace import BoolArray
from onnx_models.model import Model

Region = Literal["centre", "outer"]
REGIONS: tuple[Region, ...] = ("centre", "outer")
INNER = 0.1
"""First distance threshold: a patch with a sample closer to the centre than this belongs to the centre."""


def in_centre(positions: NDArray[np.float32]) -> BoolArray:
    """Tell which patches belong to the centre; positions as from :func:`gadgets.patches.relative_positions`."""
    return np.asarray(positions[:, -1] < INNER)


def classify(
    patches: NDArray[np.float32], positions: NDArray[np.float32], models: Mapping[Region, Model]
) -> NDArray[np.float32]:
    """Give each patch the probability that it holds abnormal points, by the model of its region.

    Parameters
    ----------
    patches
        Evidence, shape ``(n, channel, line, sample)``.
    positions
        Shape ``(n, 4)``.
    """
    probability = np.zeros(len(patches), dtype=np.float32)
    centre = in_centre(positions)
    for region in REGIONS:
        members = centre if region == "centre" else ~centre
        if members.any():
            result = models[region].run(patches=patches[members], positions=positions[members])
            probability[members] = result["probability"]
    return probability


def select_targets(
    probability: NDArray[np.float32], positions: NDArray[np.float32], thresholds: Mapping[Region, float]
) -> NDArray[np.intp]:
    """Pick the patches strictly above the threshold of their place (the judgment layer)."""
    limit = np.where(in_centre(positions), thresholds["centre"], thresholds["outer"])
    return np.flatnonzero(probability > limit)
