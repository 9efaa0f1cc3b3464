"""Without the centre: a method that takes the centre of k-space to be free of sparks.

Source document: the patches of the centre (six of them in FIG. 6) are deemed not to include abnormal points, and
are omitted from subsequent processing, so that no real signal near the centre is taken for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gadgets.patch_models.abnormal_points import Opinions
from gadgets.patch_models.methods import Judgement, Method
from gadgets.patches import Patches, Region, in_centre


@dataclass(frozen=True, eq=False)
class WithoutCentre:
    """Shows another method only the patches that do not reach into the centre; the rest is never a target."""

    method: Method

    def judge(self, patches: Patches, thresholds: Mapping[Region, float]) -> Judgement:
        """Judge the outer patches; those of the centre hold abnormal points with probability 0."""
        outer = _outer(patches)
        probability = np.zeros(len(patches), dtype=np.float32)
        if not outer.size:
            return Judgement(probability)
        judgement = self.method.judge(patches.part(outer), thresholds)
        probability[outer] = judgement.probability
        # Its own kind is kept: what the method remembers beside still counts the outer patches alone.
        return replace(judgement, probability=probability)

    def find(self, patches: Patches, judgement: Judgement, targets: NDArray[np.intp]) -> Opinions:
        """Judge each sample of the target patches, by their numbers; none of them is in the centre."""
        outer = _outer(patches)
        # Back to the numbers of the outer patches, by which the method knows them.
        of_outer = replace(judgement, probability=judgement.probability[outer])
        return self.method.find(patches.part(outer), of_outer, np.searchsorted(outer, targets))

    def name_for(self, region: Region) -> str:
        """Name the model that judges the patches of a region."""
        return self.method.name_for(region)


def _outer(patches: Patches) -> NDArray[np.intp]:
    return np.flatnonzero(~in_centre(patches.positions))
