"""Calibrated patches: models that give patches back as they should be, and say on the way what was abnormal.

Source document: an artifact calibration model takes target patches and gives calibrated ones (claim 12, FIG. 9); a
patch calibration model takes all patches, or sets of them, finds the targets and calibrates them at once (claims 15
and 16, FIG. 12). Here the targets go through the model a second time, with what the receivers recorded, and with
predictions from which the samples that it found are withheld.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import IntArray
from gadgets.patch_models.abnormal_points import Opinions
from gadgets.patch_models.methods import Judgement
from gadgets.patch_models.patch_sets import NONE, SetKind, patch_sets
from gadgets.patch_models.recorded_patches import Recorded, blocks, unseen
from gadgets.patch_models.target_patches import limits_at
from gadgets.patches import Patches, Region
from onnx_models.model import Model


class ArtifactCalibration:
    """Gives target patches as they should be, with an artifact calibration model."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def find(self, patches: Patches, targets: NDArray[np.intp]) -> Opinions:
        """Judge each sample of the target patches, by their numbers, and say what it should be."""
        values = patches.values[targets]
        # First only to judge: predictions for the second run must not be made from what is abnormal itself.
        probability = self._model.run(patches=values, **unseen((len(targets),), patches.shape))["probability"]
        recorded = Recorded(patches, targets, probability)
        # Patches in which nothing was marked come back as recorded; they need no second run.
        for rows in recorded.rows(1):
            seen = recorded.seen(rows)
            recorded.note(rows, seen, self._model.run(patches=values[rows], **seen)["calibrated"])
        return recorded.opinions


@dataclass(frozen=True, eq=False, kw_only=True)
class SetJudgement(Judgement):
    """What a patch calibration model says of all patches.

    Attributes
    ----------
    points
        Probability of each sample, shape ``(n, line, sample)``.
    sets
        Numbers of the patches that were judged together, shape ``(n_sets, token)``.
    places
        For each patch the set and the token that count, shape ``(n, 2)``.
    limits
        For each patch the threshold above which it is a target, shape ``(n,)``.
    """

    points: NDArray[np.float32]
    sets: IntArray
    places: IntArray
    limits: NDArray[np.float32]


class OnePass:
    """Finds and calibrates at once, with a patch calibration model.

    Parameters
    ----------
    model
        Takes sets of patches, which of them are present, their positions, and the thresholds of their places.
    kind
        Which patches are put in as one set.
    """

    def __init__(self, model: Model, kind: SetKind) -> None:
        self._model = model
        self._kind: SetKind = kind

    def judge(self, patches: Patches, thresholds: Mapping[Region, float]) -> SetJudgement:
        """Judge all patches; of a patch in several sets, the set that makes most of it counts."""
        limits = limits_at(patches.positions, thresholds).astype(np.float32)
        sets = patch_sets(self._kind, patches.anchors, patches.shape, patches.centre)
        # Below every probability, so that each patch gets the place of a set, even one that is judged 0.
        probability = np.full(len(patches), -1, dtype=np.float32)
        points = np.zeros((len(patches), *patches.shape[1:]), dtype=np.float32)
        places = np.zeros((len(patches), 2), dtype=np.int_)
        for rows in blocks(np.arange(len(sets)), sets.shape[1]):
            result = self._run(patches, sets[rows], limits, unseen(sets[rows].shape, patches.shape))
            for row, token in np.argwhere(sets[rows] != NONE):
                number, chance = sets[rows[row], token], result["target"][row, token]
                if chance > probability[number]:
                    probability[number], points[number] = chance, result["probability"][row, token]
                    places[number] = rows[row], token
        return SetJudgement(probability, points=points, sets=sets, places=places, limits=limits)

    def find(self, patches: Patches, judgement: Judgement, targets: NDArray[np.intp]) -> Opinions:
        """Calibrate the target patches, by their numbers."""
        if not isinstance(judgement, SetJudgement):
            raise TypeError(f"expected the judgement of a patch calibration model, found {type(judgement).__name__}")
        recorded = Recorded(patches, targets, judgement.points[targets])
        for rows in recorded.rows(judgement.sets.shape[1]):
            listed, tokens = judgement.places[targets[rows]].T
            here = np.arange(len(rows)), tokens
            seen = recorded.seen(rows)
            sets = judgement.sets[listed]
            # Of a set only the target itself shows its receivers: the others are there for their evidence.
            whole = {name: np.zeros((*sets.shape, *each.shape[1:]), np.float32) for name, each in seen.items()}
            for name, each in seen.items():
                whole[name][here] = each
            result = self._run(patches, sets, judgement.limits, whole)
            recorded.note(rows, seen, result["calibrated"][here])
        return recorded.opinions

    def name_for(self, region: Region) -> str:  # noqa: ARG002 - one model judges all places
        """Name the model that judges the patches of a region."""
        return self._model.entry.name

    def _run(
        self,
        patches: Patches,
        sets: IntArray,
        limits: NDArray[np.float32],
        receivers: Mapping[str, NDArray[np.float32]],
    ) -> dict[str, NDArray[np.float32]]:
        return self._model.run(
            patches=patches.values[sets],
            positions=patches.positions[sets],
            present=sets != NONE,
            thresholds=limits[sets],
            **receivers,
        )
