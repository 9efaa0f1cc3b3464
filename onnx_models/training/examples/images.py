"""Labelled blocks of images: clean planes, with and without sparks, through the very image that is checked.

Source document: labels say whether a block shows an artifact (FIG. 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray
from gadgets.image_check.artifact import BLOCK, cut_blocks, image_detail, pixel_noise
from gadgets.image_check.picture import image_to_check
from gadgets.indices import Indices
from gadgets.kspace.conjugate import true_centre
from gadgets.kspace.kspace import KSpace
from onnx_models.training.examples.planes import from_planes
from onnx_models.training.examples.sparks import add_sparks

CLEAN, ARTIFACT, FAINT = 0, 1, 2
VISIBLE, INVISIBLE = 0.4, 0.1
"""How much the detail of a block changes, in units of the detail and noise that are there, from which on the change is
an artifact, and below which nobody sees it. What lies between is neither right nor wrong, and so are wide stripes that
look like shading: only the brightness tells of them."""

# Few: blocks are fifty times as large as patches, and those of a task come back at once.
PLANES_PER_TASK = 5
PHANTOM_SHARE = 0.35
# For each clean block, of the same plane and sampling.
SPARKED_PER_PLANE = 2


@dataclass(frozen=True, eq=False)
class ImageExamples:
    """Blocks of :func:`gadgets.image_check.artifact.image_detail` with their labels.

    Attributes
    ----------
    blocks
        Shape ``(n, 224, 224)``, float16.
    labels
        1 artifact, 0 clean, 2 neither; shape ``(n,)``, uint8.
    """

    blocks: NDArray[np.float16]
    labels: NDArray[np.uint8]


def make_image_examples(
    recordings: Mapping[str, Sequence[ComplexArray]], n_planes: int, seed: int, processes: int = 2
) -> ImageExamples:
    """Make a clean block and some with sparks from each of `n_planes` planes, a third of them phantoms.

    Parameters
    ----------
    recordings
        Clean planes ``(coil, line, sample)`` per source.
    seed
        The same seed gives the same examples, whatever the number of processes.
    """
    made = from_planes(
        recordings,
        n_planes,
        seed,
        processes,
        _examples_of,
        planes_per_task=PLANES_PER_TASK,
        phantom_share=PHANTOM_SHARE,
    )
    examples = [example for of_a_plane in made for example in of_a_plane]
    blocks = np.array([block for block, _ in examples], dtype=np.float16).reshape(-1, *BLOCK)
    return ImageExamples(blocks, np.array([label for _, label in examples], dtype=np.uint8))


def _examples_of(plane: ComplexArray, rng: np.random.Generator) -> list[tuple[NDArray[np.float32], int]]:
    """Give blocks of one plane with their labels, the first without sparks."""
    sampled = _draw_sampling(plane.shape[1:], rng)
    kspace = as_kspace(plane, sampled)
    clean = image_to_check(kspace)[0]
    # One shape for all blocks of a plane: changes are told by comparing blocks of the same place.
    shape = _draw_block_shape((clean.shape[0], clean.shape[1]), rng)
    clean_detail = image_detail(clean)
    examples = []
    for number in range(1 + SPARKED_PER_PLANE):
        image = clean
        if number:
            # Into the whole plane, from which the sampling then takes away: a spark that was not acquired leaves no
            # stripe.
            sparked = add_sparks(plane, rng, int(rng.integers(1, 9))).data
            image = image_to_check(replace(kspace, data=np.where(sampled, sparked, 0)[:, None]))[0]
        detail = image_detail(image)
        # Wide stripes are removed from the detail as shading is; only the brightness still shows them.
        brighter = np.log1p(image / pixel_noise(image)) - np.log1p(clean / pixel_noise(clean))
        blocks, *changes = (cut_blocks(each, shape) for each in (detail, detail - clean_detail, brighter))
        chosen = int(rng.integers(len(blocks)))
        examples.append((blocks[chosen], _label(*(float(change[chosen].std()) for change in changes))))
    return examples


def _label(in_detail: float, in_brightness: float) -> int:
    """Judge how much a block has changed."""
    if in_detail > VISIBLE:
        return ARTIFACT
    # Faint ones are left out of the training: either label would be wrong.
    return CLEAN if max(in_brightness, in_detail) < INVISIBLE else FAINT


def as_kspace(plane: ComplexArray, sampled: BoolArray) -> KSpace:
    """Make a k-space of one partition of a plane, of which only a part was sampled."""
    _, line, sample = true_centre(plane[:, None])
    zeros = np.zeros((1, plane.shape[1]), dtype=np.int_)
    data = np.where(sampled, plane, 0)[:, None]
    return KSpace(data, sampled[None], Indices(), zeros, zeros, zeros.astype(bool), (0, line, sample))


def _draw_sampling(shape: tuple[int, ...], rng: np.random.Generator) -> BoolArray:
    """Draw which samples of a plane are acquired: mostly all, else partial Fourier, partial echo, every second line."""
    n_lines, n_samples = shape
    sampled = np.ones((n_lines, n_samples), dtype=bool)
    kind = rng.random()
    if kind < 0.12:
        sampled[: int(n_lines * rng.uniform(0.1, 0.4))] = False
    elif kind < 0.2:
        sampled[:, : int(n_samples * rng.uniform(0.1, 0.3))] = False
    elif kind < 0.3:
        middle = np.abs(np.arange(n_lines) - n_lines // 2) < rng.integers(6, 20)
        sampled[~middle & (np.arange(n_lines) % 2 == 1)] = False
    return sampled


def _draw_block_shape(image: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Draw the second preset parameter: mostly automatic, sometimes smaller by hand."""
    sizes = [min(size, most) for size, most in zip(image, BLOCK, strict=True)]
    if rng.random() < 0.15:
        sizes = [min(size, int(rng.integers(64, 225))) for size in sizes]
    return sizes[0], sizes[1]
