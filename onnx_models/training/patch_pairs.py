"""Patch pairs: patches with sparks beside what the sparks added, for models that give calibrated patches.

Source document: the training data of calibration models are pairs of a patch with abnormal points and the same
without (claims 12 and 15).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gadgets.kspace import ComplexArray
from gadgets.patches import cut
from gadgets.sample_predictions import LARGEST_FIELD, as_channels, fields_of
from onnx_models.training.examples import PATCH, Examples, choose, lightened, part, spark_and_cut

N_RECEIVERS = 2
"""Receivers of each example, the one hit hardest among them; the networks take each by itself, and any number."""


@dataclass(frozen=True, eq=False)
class PatchPairs(Examples):
    """Patches with their labels, and what some of their receivers recorded.

    Attributes
    ----------
    fields
        See :func:`gadgets.sample_predictions.fields_of`, shape ``(n, receiver, field, 2, line, sample)``.
    sparks
        What has to be taken away, in the same units, shape ``(n, receiver, 2, line, sample)``.
    """

    fields: NDArray[np.float16]
    sparks: NDArray[np.float16]


def pairs_of(plane: ComplexArray, rng: np.random.Generator) -> PatchPairs:
    """Make patch pairs from one clean plane, shape ``(coil, line, sample)``."""
    whole = spark_and_cut(plane, rng)
    rows = choose(whole.examples, rng)
    chosen, anchors = lightened(part(whole.examples, rows)), whole.anchors[rows]
    receivers = _receivers_of(whole.data - plane, rng)
    level = np.maximum(whole.evidence.level, 1e-20 * np.abs(whole.data).max())
    predicted = fields_of(whole.data, whole.evidence.level, whole.evidence.noise)[receivers]
    sparks = ((whole.data - plane)[receivers] / level)[:, None]
    both = cut(as_channels(np.concatenate([predicted, sparks], axis=1)), anchors, PATCH)
    both = np.clip(both, -LARGEST_FIELD, LARGEST_FIELD).astype(np.float16)
    return PatchPairs(chosen.patches, chosen.positions, chosen.masks, fields=both[:, :, :-1], sparks=both[:, :, -1])


def _receivers_of(sparks: ComplexArray, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose receivers: the one hit hardest, and others at random; one that stands alone counts twice."""
    energy = np.sum(np.abs(sparks) ** 2, axis=(1, 2))
    others = rng.permutation(len(sparks))
    return np.resize(np.concatenate([[np.argmax(energy)], others[others != np.argmax(energy)]]), N_RECEIVERS)
