"""Patch pairs: patches with sparks beside what the sparks added, for models that give calibrated patches.

Source document: the training data of calibration models are pairs of a patch with abnormal points and the same
without (claims 12 and 15).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray
from gadgets.patch_models.sample_predictions import FIELDS, fields_of, in_levels
from gadgets.patches.cutting import cut
from onnx_models.training.examples.patches import PATCH, Examples, lightened, part, spark_and_cut
from onnx_models.training.examples.sparks import SparkedPlane

N_RECEIVERS = 2
"""Receivers of each example, the one hit hardest among them; the networks take each by itself, and any number."""

MOST_OF_A_PLANE = 8
OVERLOOKED, WEAK_TAKEN, TAKEN_AMISS = 0.1, 0.5, 3e-4
"""Shares of abnormal samples that detection does not withhold, of weak ones and of clean ones that it does."""


@dataclass(frozen=True, eq=False)
class PatchPairs(Examples):
    """Patches with abnormal points, and what some of their receivers recorded.

    Attributes
    ----------
    seen
        See :func:`gadgets.patch_models.sample_predictions.fields_of`, shape ``(n, receiver, field, 2, line, sample)``.
    sparks
        What has to be taken away, in the same units, shape ``(n, receiver, 2, line, sample)``.
    """

    seen: NDArray[np.float16]
    sparks: NDArray[np.float16]


def pairs_of(plane: ComplexArray, rng: np.random.Generator) -> PatchPairs:
    """Make patch pairs from one clean plane, shape ``(coil, line, sample)``; none where no spark came into it."""
    whole = spark_and_cut(plane, rng)
    # Not all: patches of one plane are alike, and a plane with many sparks would outweigh the others.
    rows = rng.permutation(np.flatnonzero((whole.examples.masks == 1).any(axis=(1, 2))))[:MOST_OF_A_PLANE]
    chosen, anchors = lightened(part(whole.examples, rows)), whole.anchors[rows]
    if not rows.size:
        nothing = np.zeros((0, N_RECEIVERS, len(FIELDS) + 1, 2, *PATCH), dtype=np.float16)
        return PatchPairs(chosen.patches, chosen.positions, chosen.masks, nothing[:, :, :-1], nothing[:, :, -1])
    data, evidence = whole.sparked.data, whole.evidence
    receivers = _receivers_of(data - plane, rng)
    # By the function of the scanner, and from imperfect marks: predictions then err as they will err there.
    predicted = fields_of(data, _withheld(whole.sparked, rng), evidence.level, evidence.noise)[receivers]
    sparks = in_levels((data - plane)[receivers], evidence.level)[:, None]
    both = cut(np.concatenate([predicted, sparks], axis=1), anchors, PATCH).astype(np.float16)
    return PatchPairs(chosen.patches, chosen.positions, chosen.masks, seen=both[:, :, :-1], sparks=both[:, :, -1])


def _receivers_of(sparks: ComplexArray, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose receivers: the one hit hardest, and others at random; one that stands alone counts twice."""
    energy = np.sum(np.abs(sparks) ** 2, axis=(1, 2))
    others = rng.permutation(len(sparks))
    # `resize` repeats a receiver that stands alone, so that all examples have one shape.
    return np.resize(np.concatenate([[np.argmax(energy)], others[others != np.argmax(energy)]]), N_RECEIVERS)


def _withheld(sparked: SparkedPlane, rng: np.random.Generator) -> BoolArray:
    """Withhold what detection would: nearly all abnormal samples, some weak ones, hardly any others."""
    chance = np.where(sparked.abnormal, 1 - OVERLOOKED, np.where(sparked.ignored, WEAK_TAKEN, TAKEN_AMISS))
    return np.asarray(rng.random(chance.shape) < chance)
