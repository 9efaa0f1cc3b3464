"""Sets of patches whose places belong together, and the classifier that judges all patches of a set at once.

Source document: patches that are positionally related are put in as one set: adjacent ones (P1 to P3), those at
conjugate places (P6, P7), those that one rectangle about the centre passes (640) (FIG. 6, claims 14, 16). The
neighbourhood's similarity and the conjugate symmetry of k-space then help to tell what does not belong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import IntArray
from gadgets.patches import Patches, Region
from onnx_models.model import Model

SetKind = Literal["single", "adjacent", "conjugate", "ring"]

NONE = -1
"""Stands where a set has fewer patches than others."""

# As many as the source document puts together (P1 to P3).
N_ADJACENT = 3
"""Neighbours along the readout, in which a spark is a moment: one that reaches over a patch's border is in both."""

LARGEST_RING = 16
"""A ring of more patches is divided: each patch is compared with all others of its set."""

TOKENS_AT_ONCE = 512
"""Patches that are handed to a model at once: a 3D k-space has thousands of them."""


def patch_sets(kind: SetKind, anchors: IntArray, shape: Sequence[int], centre: Sequence[int]) -> IntArray:
    """Group patches into sets, such that each of them is in at least one.

    Parameters
    ----------
    anchors
        First sample of each patch: plane, line and sample, shape ``(n, 3)``.
    shape
        Of one patch, along the same axes.
    centre
        Of k-space, along the same axes.

    Returns
    -------
    IntArray
        Numbers of patches, shape ``(n_sets, longest)``; :data:`NONE` fills up shorter sets.
    """
    if not len(anchors):
        return np.empty((0, 1), dtype=np.int_)
    sets = _GROUPINGS[kind](anchors, np.array(shape), np.array(centre))
    padded = np.full((len(sets), max(map(len, sets))), NONE, dtype=np.int_)
    for row, members in zip(padded, sets, strict=True):
        row[: len(members)] = members
    return padded


def _single(anchors: IntArray, shape: IntArray, centre: IntArray) -> Sequence[IntArray]:  # noqa: ARG001
    return list(np.arange(len(anchors))[:, None])


def _adjacent(anchors: IntArray, shape: IntArray, centre: IntArray) -> Sequence[IntArray]:  # noqa: ARG001
    """Group along the readout; the last group is moved inwards as the last patch is."""
    sets = []
    rows = np.unique(anchors[:, :-1], axis=0, return_inverse=True)[1].ravel()
    for row in range(rows.max() + 1):
        members = np.flatnonzero(rows == row)
        # In the order of time: neighbours in a set have to be neighbours along the readout.
        members = members[np.argsort(anchors[members, -1])]
        last = max(len(members) - N_ADJACENT, 0)
        sets += [members[min(start, last) :][:N_ADJACENT] for start in range(0, len(members), N_ADJACENT)]
    return sets


def _conjugate(anchors: IntArray, shape: IntArray, centre: IntArray) -> Sequence[IntArray]:
    """Pair each patch with the one nearest to its mirrored place, if that one reaches it."""
    # The anchor of the mirrored patch: its last sample becomes the first.
    mirrored = 2 * centre - anchors - (shape - 1)
    sets = {}
    for number, place in enumerate(mirrored):
        away = np.abs(anchors - place)
        partner = int(np.argmin(np.square(away).sum(axis=1)))
        # Partial Fourier leaves places without a partner; the nearest patch would then tell nothing of it.
        pair = {number, partner} if (away[partner] < shape).all() else {number}
        sets[tuple(sorted(pair))] = np.array(sorted(pair))
    return list(sets.values())


def _ring(anchors: IntArray, shape: IntArray, centre: IntArray) -> Sequence[IntArray]:
    """Group by distance in patches, along whichever axis it is largest; conjugate places come together."""
    offset = anchors + (shape - 1) / 2 - centre
    distance = np.abs(offset).max(axis=1)
    # From the innermost patch on: with an even number of patches none of them lies about the centre itself.
    ring = np.rint((distance - distance.min()) / shape.max()).astype(int)
    # By the angle of a line, not of a ray: where a ring is divided, patches on both sides of the centre stay together.
    angle = np.mod(np.arctan2(offset[:, -2], offset[:, -1]), np.pi)
    sets = []
    for number in np.unique(ring):
        members = np.flatnonzero(ring == number)
        members = members[np.argsort(angle[members], kind="stable")]
        sets += np.array_split(members, -(-len(members) // LARGEST_RING))
    return sets


_GROUPINGS: Mapping[SetKind, Callable[[IntArray, IntArray, IntArray], Sequence[IntArray]]] = {
    "single": _single,
    "adjacent": _adjacent,
    "conjugate": _conjugate,
    "ring": _ring,
}


class SetClassifier:
    """Judges patches with a Vision Transformer, all patches of a set at once.

    Parameters
    ----------
    model
        Takes sets of patches, of positions, and which of them are present; one token is one patch.
    kind
        Which patches are put in as one set.
    """

    def __init__(self, model: Model, kind: SetKind) -> None:
        self._model = model
        self._kind: SetKind = kind

    def judge(self, patches: Patches) -> NDArray[np.float32]:
        """Give each patch the probability that it holds abnormal points, the highest of all its sets."""
        sets = patch_sets(self._kind, patches.anchors, patches.shape, patches.centre)
        probability = np.zeros(len(patches), dtype=np.float32)
        step = max(TOKENS_AT_ONCE // sets.shape[1], 1)
        for start in range(0, len(sets), step):
            numbers = sets[start : start + step]
            # Where a set is shorter NONE takes the last patch, which is then not listened to.
            present = numbers != NONE
            result = self._model.run(
                patches=patches.values[numbers], positions=patches.positions[numbers], present=present
            )
            # A patch may be in several sets; plain indexing would keep only the last.
            np.maximum.at(probability, numbers[present], result["probability"][present])
        return probability

    def name_for(self, region: Region) -> str:  # noqa: ARG002 - one model judges all places
        """Name the model that judges a region."""
        return self._model.entry.name
