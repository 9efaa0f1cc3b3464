"""Segments: pieces of single readouts with their labels, for models that look along the readout alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray
from gadgets.evidence.maps import CHANNELS, N_STRIKING, RADIUS_SCALE, gather_evidence
from gadgets.kspace.planes import FEWEST_LINES
from gadgets.patches.cutting import cut, divide, relative_positions
from onnx_models.training.examples.patches import Examples, joined, part
from onnx_models.training.examples.sparks import add_sparks

# As long as a rectangle.
SEGMENT = 32
CROPS = 6
"""Stacks of few readouts that are cut from one plane: a plane takes longer to make than its evidence."""


def rows_of(examples: Examples, n_segments: int, seed: int) -> Examples:
    """Take single readouts out of patches: a third with sparks, as many that look most like one, others at random.

    At most `n_segments`: patches ``(n, channel, 1, sample)``, masks ``(n, 1, sample)``.
    """
    rng = np.random.default_rng(seed)
    n_patches, n_lines = examples.masks.shape[:2]
    # Random readouts alone would hardly ever hold a spark, or anything like one.
    third = n_segments // 3
    sparked = rng.permutation(np.flatnonzero((examples.masks == 1).any(axis=2)))[:third]
    several = rng.permutation(n_patches)[:third]
    striking = np.array([_striking(examples.patches[row]).max(axis=-1) for row in np.sort(several)])
    # One of the four most striking, not always the first: hard cases are of more than one kind.
    ranked = np.argsort(-striking, axis=1)[np.arange(len(several)), rng.integers(0, min(4, n_lines), len(several))]
    others = rng.integers(n_patches * n_lines, size=third)
    row, line = np.divmod(np.unique(np.concatenate([sparked, np.sort(several) * n_lines + ranked, others])), n_lines)
    patches = examples.patches[row, :, line][:, :, None]
    radius = patches[:, CHANNELS.index("radius"), 0].astype(np.float32) / RADIUS_SCALE
    positions = examples.positions[row]
    # A line of a patch lies elsewhere than the patch; its own distances from the centre are among the maps.
    positions[:, -2:] = np.stack([radius[:, radius.shape[1] // 2], radius.min(axis=1)], axis=1)
    return Examples(patches, positions, examples.masks[row, line][:, None])


def few_lines(plane: ComplexArray, rng: np.random.Generator) -> Examples:
    """Make segments from stacks of one to seven readouts of a clean plane: too few for a k-space of two axes."""
    return joined([_stack_examples(_crop(plane, rng), rng) for _ in range(CROPS)])


def _crop(plane: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Choose consecutive lines; half of the stacks hold the loudest one."""
    n_lines = int(rng.integers(1, min(FEWEST_LINES, plane.shape[1] + 1)))
    first = int(rng.integers(plane.shape[1] - n_lines + 1))
    if rng.random() < 0.5:
        # Random lines are mostly outer ones; half of the stacks are to have signal.
        loudest = int(np.argmax(np.abs(plane).sum(axis=(0, 2))))
        first = int(np.clip(loudest - rng.integers(n_lines), 0, plane.shape[1] - n_lines))
    return plane[:, first : first + n_lines]


def _stack_examples(stack: ComplexArray, rng: np.random.Generator) -> Examples:
    n_bursts = 0 if rng.random() < 0.5 else int(rng.integers(1, 4))
    sparked = add_sparks(stack, rng, n_bursts)
    evidence = gather_evidence(sparked.data)
    shape, patch = evidence.level.shape, (1, SEGMENT)
    offset = int(rng.integers(0, max(1, min(16, shape[1] - SEGMENT + 1))))
    anchors = divide((shape[0], max(shape[1] - offset, SEGMENT)), patch) + np.array((0, offset))
    labels = np.where(sparked.abnormal, 1, np.where(sparked.ignored, 2, 0)).astype(np.uint8)
    masks = np.asarray(cut(labels, anchors, patch), dtype=np.uint8)
    patches = np.asarray(cut(evidence.maps, anchors, patch), dtype=np.float16)
    positions = relative_positions(anchors, patch, evidence.centre, shape)
    return _chosen(Examples(patches, positions, masks), rng)


def _chosen(examples: Examples, rng: np.random.Generator) -> Examples:
    with_spark = (examples.masks == 1).any(axis=(1, 2))
    sparked, clean = np.flatnonzero(with_spark), np.flatnonzero(~with_spark)
    hardest = clean[np.argsort(-_striking(examples.patches[clean]).max(axis=(1, 2)))[:4]]
    rows = np.unique(np.concatenate([rng.permutation(sparked)[:4], hardest, rng.permutation(clean)[:2]]))
    return part(examples, rows.astype(np.intp))


def _striking(patches: NDArray[np.float16]) -> NDArray[np.float32]:
    """How much samples stand out in all maps together, without the axis of the maps."""
    return np.asarray(patches[..., :N_STRIKING, :, :].sum(axis=-3, dtype=np.float32))
