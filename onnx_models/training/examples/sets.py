"""Labelled sets of patches: what the Vision Transformer learns from, beside single patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray, IntArray
from gadgets.evidence.maps import N_STRIKING
from gadgets.patch_models.patch_sets import LARGEST_RING, NONE, SetKind, patch_sets
from onnx_models.training.examples.patches import PATCH, Examples, joined, lightened, part, spark_and_cut
from onnx_models.training.examples.planes import from_planes

KINDS: tuple[SetKind, ...] = ("adjacent", "conjugate", "ring")

PATCHES_OF_A_PLANE = 16
"""Planes differ more than the patches of one plane do."""


@dataclass(frozen=True, eq=False)
class SetExamples:
    """Patches, and which of them belong together.

    Attributes
    ----------
    examples
        Of all sets.
    sets
        Their numbers, shape ``(n_sets, token)``; :data:`gadgets.patch_models.patch_sets.NONE` fills up shorter sets.
    """

    examples: Examples
    sets: IntArray

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """Of each patch: 1 with abnormal points, 0 without, 2 only with such as are too weak to be told."""
        has = [(self.examples.masks == label).any(axis=(1, 2)) for label in (1, 2)]
        return np.where(has[0], 1, np.where(has[1], 2, 0)).astype(np.uint8)

    def choose(self, rows: slice) -> SetExamples:
        """Choose some sets; all patches are kept."""
        return SetExamples(self.examples, self.sets[rows])


def singles(examples: Examples) -> SetExamples:
    """Take each patch as a set of its own."""
    return SetExamples(examples, np.arange(len(examples))[:, None])


def joined_sets(parts: Sequence[SetExamples]) -> SetExamples:
    """Join sets of several sources."""
    starts = np.cumsum([0, *(len(each.examples) for each in parts)])
    moved = [np.where(each.sets == NONE, NONE, each.sets + start) for each, start in zip(parts, starts, strict=False)]
    longest = max(numbers.shape[1] for numbers in moved)
    padded = [np.pad(sets, ((0, 0), (0, longest - sets.shape[1])), constant_values=NONE) for sets in moved]
    return SetExamples(joined([each.examples for each in parts]), np.concatenate(padded))


def make_set_examples(
    recordings: Mapping[str, Sequence[ComplexArray]], n_planes: int, seed: int, processes: int
) -> SetExamples:
    """Make sets of all kinds from `n_planes` planes; see :func:`.patches.make_examples`."""
    return joined_sets(from_planes(recordings, n_planes, seed, processes, _plane_sets))


def _plane_sets(plane: ComplexArray, rng: np.random.Generator) -> SetExamples:
    """Choose sets of one kind: those that hold most sparks, and of the others those most like sparks."""
    cut = spark_and_cut(plane, rng)
    # At the scanner anchors have a plane in front; here it is always the first.
    anchors = np.pad(cut.anchors, ((0, 0), (1, 0)))
    sets = patch_sets(KINDS[int(rng.integers(len(KINDS)))], anchors, (1, *PATCH), (0, *cut.centre))
    spark = (cut.examples.masks == 1).any(axis=(1, 2))
    striking = cut.examples.patches[:, :N_STRIKING].max(axis=(2, 3)).sum(axis=1)
    # Sparks first, then what resembles them, with some chance in it, so that ordinary sets come too.
    worth = 100 * spark + striking + rng.normal(0, 10, len(striking))
    # By the best patch of each set; empty places of a set must not count as one.
    order = np.argsort(-np.where(sets == NONE, -np.inf, worth[sets]).max(axis=1))
    n_chosen = np.searchsorted(np.cumsum((sets[order] != NONE).sum(axis=1)), PATCHES_OF_A_PLANE, side="right")
    chosen = sets[order[: max(int(n_chosen), 1)]]
    numbers = np.unique(chosen[chosen != NONE])
    renumbered = np.where(chosen == NONE, NONE, np.searchsorted(numbers, chosen))
    return SetExamples(lightened(part(cut.examples, numbers)), _up_to(LARGEST_RING, renumbered))


def _up_to(length: int, sets: IntArray) -> IntArray:
    return np.pad(sets, ((0, 0), (0, length - sets.shape[1])), constant_values=NONE)
