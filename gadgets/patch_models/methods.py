"""Methods: how the models work together, from patches to opinions on their samples.

Source document: patches are classified and then segmented (FIG. 8) or calibrated (FIG. 9), or all are judged and
calibrated at once (FIG. 12). Behind the image check (FIGS. 10, 11) the same happens with other thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gadgets.patch_models.abnormal_points import Opinions
from gadgets.patches import Patches, Region


class Classifier(Protocol):
    """Judges patches."""

    def judge(self, patches: Patches) -> NDArray[np.float32]:
        """Give each patch the probability that it holds abnormal points."""

    def name_for(self, region: Region) -> str:
        """Name the model that judges a region."""


class PointFinder(Protocol):
    """Looks into target patches."""

    def find(self, patches: Patches, targets: NDArray[np.intp]) -> Opinions:
        """Judge each sample of the target patches, by their numbers."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """Of all patches the probability that each holds abnormal points; a method may remember more in its own kind."""

    probability: NDArray[np.float32]


class Method(Protocol):
    """What the detection asks."""

    def judge(self, patches: Patches, thresholds: Mapping[Region, float]) -> Judgement:
        """Judge all patches; `thresholds` are those above which a patch will be a target."""

    def find(self, patches: Patches, judgement: Judgement, targets: NDArray[np.intp]) -> Opinions:
        """Judge each sample of the target patches, by their numbers."""

    def name_for(self, region: Region) -> str:
        """Name the model that judges the patches of a region."""


@dataclass(frozen=True, eq=False)
class ClassifyThenFind:
    """Two models one after the other: target patches, then what is in them."""

    classifier: Classifier
    finder: PointFinder

    def judge(self, patches: Patches, thresholds: Mapping[Region, float]) -> Judgement:  # noqa: ARG002
        """Judge all patches."""
        # The classifier gives probabilities only; thresholds are for methods that judge and calibrate at once.
        return Judgement(self.classifier.judge(patches))

    def find(self, patches: Patches, judgement: Judgement, targets: NDArray[np.intp]) -> Opinions:  # noqa: ARG002
        """Judge each sample of the target patches, by their numbers."""
        return self.finder.find(patches, targets)

    def name_for(self, region: Region) -> str:
        """Name the model that judges the patches of a region."""
        return self.classifier.name_for(region)
