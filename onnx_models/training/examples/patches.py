"""Labelled patches: clean planes, sparks put in, evidence gathered and patches cut by the functions of the scanner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray, IntArray
from gadgets.evidence.maps import N_STRIKING, Evidence, gather_evidence
from gadgets.patches.cutting import cut, divide, relative_positions
from onnx_models.training.examples.planes import OnTask, from_planes
from onnx_models.training.examples.sparks import SparkedPlane, add_sparks

# The example of the source document (FIG. 6).
PATCH = (32, 32)
ExamplesT = TypeVar("ExamplesT", bound="Examples")


@dataclass(frozen=True, eq=False)
class Examples:
    """Patches with their labels.

    Attributes
    ----------
    patches
        Evidence, shape ``(n, channel, line, sample)``, float16 once chosen.
    positions
        See :func:`gadgets.patches.cutting.relative_positions`, shape ``(n, 4)``.
    masks
        1 abnormal, 0 normal, 2 neither (a spark too weak to be told), shape ``(n, line, sample)``, uint8.
    """

    patches: NDArray[np.floating]
    positions: NDArray[np.float32]
    masks: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.patches)


def joined(parts: Sequence[ExamplesT]) -> ExamplesT:
    """Join examples of one kind into one set."""
    kind = type(parts[0])
    return kind(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(kind)})


def part(examples: ExamplesT, rows: IntArray) -> ExamplesT:
    """Choose some examples by their numbers."""
    return replace(examples, **{f.name: getattr(examples, f.name)[rows] for f in fields(examples)})


def make_examples(
    recordings: Mapping[str, Sequence[ComplexArray]],
    n_planes: int,
    seed: int,
    processes: int = 2,
    on_task: OnTask = lambda _done, _total: None,
) -> Examples:
    """Make examples from `n_planes` planes: two of five phantoms, the rest varied recordings of all sources alike.

    Parameters
    ----------
    recordings
        Clean planes ``(coil, line, sample)`` per source.
    seed
        The same seed gives the same examples, whatever the number of processes.
    on_task
        Called with how many tasks of how many are done.
    """
    return joined(from_planes(recordings, n_planes, seed, processes, _plane_examples, on_task=on_task))


@dataclass(frozen=True, eq=False)
class SparkedPatches:
    """All patches of one plane that sparks were put into.

    Attributes
    ----------
    anchors
        Shape ``(n, 2)``: line and sample.
    centre
        Of the plane: line and sample.
    examples
        Of all patches.
    sparked, evidence
        Of the plane.
    """

    anchors: IntArray
    centre: tuple[int, int]
    examples: Examples
    sparked: SparkedPlane
    evidence: Evidence


def spark_and_divide(plane: ComplexArray, rng: np.random.Generator) -> tuple[SparkedPlane, IntArray, NDArray[np.uint8]]:
    """Put sparks into a clean plane, and divide it from a random offset on; also give the anchors and masks."""
    # Nearly half of the planes stay clean: most k-spaces at the scanner are.
    n_bursts = 0 if rng.random() < 0.45 else int(rng.integers(1, 10))
    sparked = add_sparks(plane, rng, n_bursts)
    shape = sparked.abnormal.shape
    # Otherwise the centre of k-space would lie at one place of a patch in all planes of a size.
    offset = [int(rng.integers(0, min(16, max(1, n - size + 1)))) for n, size in zip(shape, PATCH, strict=True)]
    anchors = divide([max(n - o, size) for n, o, size in zip(shape, offset, PATCH, strict=True)], PATCH) + offset
    labels = np.where(sparked.abnormal, 1, np.where(sparked.ignored, 2, 0)).astype(np.uint8)
    return sparked, anchors, np.asarray(cut(labels[None], anchors, PATCH)[:, 0], dtype=np.uint8)


def spark_and_cut(plane: ComplexArray, rng: np.random.Generator) -> SparkedPatches:
    """Put sparks into a clean plane, gather its evidence, and cut it from a random offset on."""
    sparked, anchors, masks = spark_and_divide(plane, rng)
    evidence = gather_evidence(sparked.data)
    positions = relative_positions(anchors, PATCH, evidence.centre, evidence.level.shape)
    patches = np.asarray(cut(evidence.maps, anchors, PATCH), dtype=np.float32)
    return SparkedPatches(anchors, evidence.centre, Examples(patches, positions, masks), sparked, evidence)


def _plane_examples(plane: ComplexArray, rng: np.random.Generator) -> Examples:
    examples = spark_and_cut(plane, rng).examples
    return lightened(part(examples, choose(examples, rng)))


def choose(examples: Examples, rng: np.random.Generator) -> IntArray:
    """Choose of one plane: patches with a label, the clean ones most like sparks, and a few at random."""
    with_label = (examples.masks == 1).any(axis=(1, 2))
    labelled, clean = np.flatnonzero(with_label), np.flatnonzero(~with_label)
    striking = examples.patches[clean][:, :N_STRIKING].max(axis=(2, 3)).sum(axis=1)
    # Most clean patches teach nothing; those that look like sparks are where false alarms come from.
    hardest = clean[np.argsort(-striking)[:5]]
    return np.unique(np.concatenate([rng.permutation(labelled)[:8], hardest, rng.permutation(clean)[:3]])).astype(int)


def lightened(examples: ExamplesT) -> ExamplesT:
    """Keep evidence in half precision, as examples are many."""
    return replace(examples, patches=examples.patches.astype(np.float16))
