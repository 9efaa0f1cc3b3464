"""The artifact calibration model, and what all calibration models share: how they learn to mend samples.

Source document: trained on pairs of patches with and without abnormal points (claim 12). What marks the samples is the
network that this training has fitted for the segmentation; new is what gives them back as they should be.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gadgets.evidence.maps import EVIDENCE_SET
from gadgets.patch_models.recorded_patches import RECEIVERS
from onnx_models.training.examples.pairs import PatchPairs, pairs_of
from onnx_models.training.examples.patches import PATCH, joined
from onnx_models.training.examples.planes import from_planes
from onnx_models.training.export import Facts
from onnx_models.training.fit import to_tensors
from onnx_models.training.models.points import POINT_LOGIT, fitted_segmenter
from onnx_models.training.networks.calibration import ArtifactCalibrator, Mending
from onnx_models.training.networks.points import N_CHANNELS
from onnx_models.training.workshop import Workshop

UNET = "artifact_calibration"
"""Name of the model; the patch calibration model that has the same U-Net mends as it does."""

SHARE_OF_PLANES = 4
"""One plane of so many gives pairs."""

MENDING_EPOCHS = 2.0
"""Times as many as a model that sees all examples: pairs are few."""

CONSTANT = 0.5
"""Local levels that are added to the size of a spark: what is left of it counts in relation to that."""

LARGEST_LOSS = 5.0


def train_artifact_calibration(workshop: Workshop) -> None:
    """Train and install the artifact calibration model: the segmentation's U-Net, and what mends its samples."""
    segmenter = fitted_segmenter(workshop)
    mending = fitted_mending(workshop, UNET, lambda patches, _: segmenter.features(patches))
    facts = Facts(UNET, "artifact_calibration", "all", "unet", PATCH, EVIDENCE_SET)
    inputs = {"patches": torch.randn((5, N_CHANNELS, *PATCH)), **example_receivers((5, 4))}
    varying = {
        "patches": {2: "line", 3: "sample"},
        "probability": {1: "line", 2: "sample"},
        **{each: {1: "receiver", 3: "line", 4: "sample"} for each in (*RECEIVERS, "calibrated")},
    }
    workshop.install(
        ArtifactCalibrator(segmenter, mending, POINT_LOGIT), inputs, ("probability", "calibrated"), facts, varying
    )


def fitted_mending(workshop: Workshop, name: str, features_of: Callable[[Tensor, Tensor], Tensor]) -> Mending:
    """Fit what mends samples to patch pairs, given what looks at the patches.

    Parameters
    ----------
    features_of
        From patches and positions to the features of their samples; it is not changed.
    """
    recipe, mending = workshop.recipe, Mending()

    def make() -> PatchPairs:
        n_planes = -(-recipe.n_planes // SHARE_OF_PLANES)
        workshop.log(f"making patch pairs from {n_planes} planes")
        watch = workshop.watch("making patch pairs")
        made = from_planes(workshop.recordings, n_planes, recipe.seed + 2, recipe.processes, pairs_of, on_task=watch)
        return joined(made)

    pairs, _ = workshop.examples_of("pairs", PatchPairs, make)

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        patches, positions = to_tensors(torch.device("cpu"), pairs.patches[rows], pairs.positions[rows])
        # What marks the samples is fitted already, and other models rely on it as it is.
        with torch.no_grad():
            features = features_of(patches, positions).to(device)
        seen, sparks, masks = to_tensors(device, pairs.seen[rows], pairs.sparks[rows], pairs.masks[rows])
        return mending_loss(mending(features, *seen.unbind(2)), sparks, masks)

    workshop.fit(mending, np.arange(len(pairs)), loss, f"{name}_mending", MENDING_EPOCHS * recipe.epochs, batch=64)
    return mending


def mending_loss(taken: Tensor, sparks: Tensor, masks: Tensor) -> Tensor:
    """Compare what is taken away with what the sparks added, at abnormal samples, in relation to its size.

    Parameters
    ----------
    taken, sparks
        Shape ``(n, receiver, 2, line, sample)``.
    masks
        1 abnormal, shape ``(n, line, sample)``.
    """
    # The small number keeps the slope of the root finite where nothing is left.
    left, size = ((values.square().sum(dim=2) + 1e-6).sqrt() for values in (taken - sparks, sparks))
    abnormal = (masks == 1).unsqueeze(1).expand_as(left)
    # In relation to the spark, or the strongest would teach alone; limited, as some cannot be mended at all.
    each = (left / (size + CONSTANT)).clamp(max=LARGEST_LOSS)
    # A batch without an abnormal sample gives 0, not 0/0.
    return (each * abnormal).sum() / abnormal.sum().clamp(min=1)


def example_receivers(shape: tuple[int, ...]) -> dict[str, Tensor]:
    """Give what receivers may have recorded, of a shape before that of one patch."""
    return {name: torch.randn((*shape, 2, *PATCH)) for name in RECEIVERS}
