"""Training of the second classification models: they say whether a block of the image shows an artifact."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gadgets.image_check.artifact import BLOCK, IMAGE_SET
from gadgets.settings import SparkDetectionSettings
from onnx_models.model_entry import Architecture
from onnx_models.training.examples.images import ARTIFACT, FAINT, ImageExamples, make_image_examples
from onnx_models.training.export import Calibrated, Facts
from onnx_models.training.fit import to_tensors
from onnx_models.training.networks.images import ImageCnn, ImageVit
from onnx_models.training.workshop import Workshop, n_to_fit

PLANES_SHARE = 0.25
"""Of the planes of the recipe; each gives three blocks, which are 50 times as large as a patch."""

EPOCHS_SHARE: dict[Architecture, float] = {"cnn": 1.2, "vit": 2.0}
"""Of the epochs of the recipe."""
BATCH = 32

MISSED_RATE = 0.01
"""Of the blocks with a visible artifact: a miss costs sparks, a false alarm costs nothing but time."""

INTENDED_USE = (
    "Telling whether the magnitude image of a k-space shows stripes of spark artifacts, before its patches are judged. "
    "Research only: not a medical device."
)
LIMITS = (
    "Trained on simulated sparks only. The wide stripes of sparks next to the centre of k-space look like shading. "
    "Other artifacts (ghosts, aliasing, zippers) may be taken for them; then patches are judged as without the check."
)


def train_image_cnn(workshop: Workshop) -> None:
    """Train and install the convolutional one."""
    _train(workshop, "image_check_cnn", "cnn", ImageCnn)


def train_image_vit(workshop: Workshop) -> None:
    """Train and install the Vision Transformer."""
    _train(workshop, "image_check_vit", "vit", ImageVit)


def _train(workshop: Workshop, name: str, architecture: Architecture, make: Callable[[], nn.Module]) -> None:
    examples = image_examples(workshop)
    told = np.flatnonzero(examples.labels != FAINT)
    n_fitted = n_to_fit(len(told))
    network = make()
    labels = (examples.labels == ARTIFACT).astype(np.float32)

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        # One of eight views, chosen by the rows: stripes run in every direction, and a fit that goes on sees the same.
        blocks, label = to_tensors(device, turned(examples.blocks[rows], int(rows.sum())), labels[rows])
        return functional.binary_cross_entropy_with_logits(network(blocks), label)

    workshop.fit(network, told[:n_fitted], loss, name, EPOCHS_SHARE[architecture] * workshop.recipe.epochs, BATCH)
    kept = told[n_fitted:]
    missed = missed_block_logit(network, examples.blocks[kept[labels[kept] == 1]])
    workshop.log(f"{name}: operating point at logit {missed:.2f}")
    threshold = SparkDetectionSettings().image_threshold
    # Moved so that the default threshold of the settings is the operating point.
    shift = missed - float(np.log(threshold / (1 - threshold)))
    facts = Facts(name, "second_classification", "all", architecture, BLOCK, IMAGE_SET, INTENDED_USE, LIMITS)
    inputs = {"blocks": torch.randn((3, *BLOCK))}
    workshop.install(Calibrated(network, shift), inputs, ("probability",), facts)


def turned(blocks: NDArray[np.float16], number: int) -> NDArray[np.float16]:
    """Give one of eight views of blocks, by its number: turned over, from right to left, on its side."""
    blocks = blocks[:, ::-1] if number & 1 else blocks
    blocks = blocks[:, :, ::-1] if number & 2 else blocks
    return np.ascontiguousarray(blocks.transpose(0, 2, 1) if number & 4 else blocks)


def missed_block_logit(network: nn.Module, blocks: NDArray[np.float16]) -> float:
    """Find the logit that all but a few of the blocks with artifacts exceed; 0 without any."""
    if not len(blocks):
        return 0.0
    with torch.no_grad():
        # In batches, since activations of whole blocks of the image fill the memory long before their logits do.
        parts = [
            network(*to_tensors(torch.device("cpu"), part)) for part in np.array_split(blocks, -(-len(blocks) // BATCH))
        ]
    return float(np.quantile(torch.cat(parts).numpy(), MISSED_RATE))


# Kept as long as the training and no longer: blocks are many and large.
_MADE: WeakKeyDictionary[Workshop, ImageExamples] = WeakKeyDictionary()


def image_examples(workshop: Workshop) -> ImageExamples:
    """Give the examples of a training, made once for both models."""
    if workshop not in _MADE:
        recipe = workshop.recipe
        n_planes = max(int(PLANES_SHARE * recipe.n_planes), 1)
        workshop.log(f"making images of {n_planes} planes")
        _MADE[workshop] = make_image_examples(workshop.recordings, n_planes, recipe.seed, recipe.processes)
    return _MADE[workshop]
