"""Target patches: which patches hold abnormal points, by the first classification models.

Source document: one model for the centre (M1) and one for the rest (M2), and thresholds by place, larger in the
centre (claims 5, 8, 9).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import FloatArray
from gadgets.patches import Patches, Region, in_centre
from onnx_models.model import Model


class RegionClassifier:
    """Judges each patch by the model of its region.

    Parameters
    ----------
    models
        By region; patches of a region without one are taken to be free of sparks.
    """

    def __init__(self, models: Mapping[Region, Model]) -> None:
        self._models = models

    def judge(self, patches: Patches) -> NDArray[np.float32]:
        """Give each patch the probability that it holds abnormal points."""
        probability = np.zeros(len(patches), dtype=np.float32)
        centre = in_centre(patches.positions)
        # In the others nothing stands out, and models that normalise a patch make no number of it.
        vary = patches.vary
        for region, model in self._models.items():
            members = vary & (centre if region == "centre" else ~centre)
            # Small planes may have patches of one region only; then the other model is not asked.
            if members.any():
                result = model.run(patches=patches.values[members], positions=patches.positions[members])
                probability[members] = result["probability"]
        return probability

    def name_for(self, region: Region) -> str:
        """Name the model that judges a region."""
        return self._models[region].entry.name


def select_targets(
    probability: NDArray[np.float32], positions: NDArray[np.float32], thresholds: Mapping[Region, float]
) -> NDArray[np.intp]:
    """Pick the patches strictly above the threshold of their place (the judgment layer)."""
    # Strictly above, so that a threshold of 1 leaves no target.
    return np.flatnonzero(probability > limits_at(positions, thresholds))


def limits_at(positions: NDArray[np.float32], thresholds: Mapping[Region, float]) -> FloatArray:
    """Give each patch the threshold of its place, shape ``(n,)``."""
    return np.where(in_centre(positions), thresholds["centre"], thresholds["outer"])
