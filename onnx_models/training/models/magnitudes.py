"""A patch classifier and a segmentation that look at magnitudes, one pair for every normalisation of them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gadgets.patches.preprocessing import MAGNITUDE_SET
from gadgets.patches.regions import REGIONS
from gadgets.patches.standard_values import STANDS_OUT
from onnx_models.model_entry import Region
from onnx_models.training.examples.magnitudes import magnitudes_from
from onnx_models.training.examples.patches import PATCH, Examples
from onnx_models.training.export import Calibrated, Facts
from onnx_models.training.fit import to_tensors
from onnx_models.training.models.points import (
    ANY_SIZE,
    MISSED_RATE,
    labels_of,
    missed_logit,
    of_region,
    point_loss,
    shift_for,
)
from onnx_models.training.networks.magnitudes import N_MAPS, TO_LOCAL_MEDIAN, ContrastMaps
from onnx_models.training.networks.points import N_POSITIONS, PatchClassifier, PointSegmenter
from onnx_models.training.workshop import Workshop

SHARE_OF_EPOCHS = 0.6
"""Of those of the recipe: one map has less to teach than twelve."""

POINT_LOGIT = 1.0
"""Operating point of the segmentation: of 2, 1 and 0 the one that found most in six files that were left out; behind
the second opinion none of the three changed a clean sample there."""


STEEPNESS = 3.0
"""Logits per factor e of magnitude over local median, before anything is learnt."""


class MagnitudeClassifier(nn.Module):
    """Patch classifier (CNN with position encoding) on magnitudes."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = ContrastMaps()
        self.classifier = PatchClassifier(n_channels=N_MAPS)

    def forward(self, patches: Tensor, positions: Tensor) -> Tensor:
        """Give one logit per patch, shape ``(n,)``."""
        logits: Tensor = self.classifier(self.maps(patches), positions)
        return logits


class MagnitudeSegmenter(nn.Module):
    """U-Net on magnitudes, beside a direct way that begins as a local median filter: the U-Net learns where it errs."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = ContrastMaps()
        self.segmenter = PointSegmenter(width=12, n_channels=N_MAPS)
        # One by one: the direct way judges each sample by its own maps, as a filter with a threshold does.
        self.direct = nn.Conv2d(N_MAPS, 1, 1)
        with torch.no_grad():
            self.direct.weight.zero_()
            # Begins as the filter that asks for STANDS_OUT times the local median: logit 0 lies there.
            self.direct.weight[0, TO_LOCAL_MEDIAN] = STEEPNESS
            self.direct.bias.fill_(-STEEPNESS * float(np.log(STANDS_OUT)))

    def forward(self, patches: Tensor) -> Tensor:
        """Give one logit per sample, shape ``(n, line, sample)``."""
        maps = self.maps(patches)
        logits: Tensor = self.segmenter(maps) + self.direct(maps).squeeze(1)
        return logits


def train_magnitude_segmenter(workshop: Workshop) -> None:
    """Train and install the abnormal point segmentation that looks at magnitudes."""
    name = "magnitude_abnormal_points"
    fitted, _ = _examples(workshop)
    network = MagnitudeSegmenter()

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        patches, masks = to_tensors(device, fitted.patches[rows], fitted.masks[rows])
        return point_loss(network(patches), masks)

    workshop.fit(network, np.arange(len(fitted)), loss, name, SHARE_OF_EPOCHS * workshop.recipe.epochs)
    facts = Facts(name, "abnormal_point_segmentation", "all", "unet", PATCH, MAGNITUDE_SET)
    inputs = {"patches": torch.rand((5, 1, *PATCH))}
    workshop.install(Calibrated(network, POINT_LOGIT), inputs, ("probability",), facts, ANY_SIZE)


def train_magnitude_classifier(workshop: Workshop) -> None:
    """Train and install the classifier of all patches that looks at magnitudes."""
    name = "magnitude_target_patches"
    fitted, validation = _examples(workshop)
    network = MagnitudeClassifier()
    target, told = labels_of(fitted.masks)

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        patches, positions, label = to_tensors(device, fitted.patches[rows], fitted.positions[rows], target[rows])
        return functional.binary_cross_entropy_with_logits(network(patches, positions), label)

    workshop.fit(network, told, loss, name, SHARE_OF_EPOCHS * workshop.recipe.epochs)
    # On the patches that nothing was fitted to: on the others fewer would seem to be missed than will be.
    missed: dict[Region, float] = {
        region: missed_logit(network, of_region(validation, region), MISSED_RATE) for region in REGIONS
    }
    facts = Facts(name, "first_classification", "all", "cnn", PATCH, MAGNITUDE_SET)
    inputs = {"patches": torch.rand((5, 1, *PATCH)), "positions": torch.rand((5, N_POSITIONS))}
    varying = {"patches": ANY_SIZE["patches"]}
    workshop.install(Calibrated(network, shift_for(missed)), inputs, ("probability",), facts, varying)


def _examples(workshop: Workshop) -> tuple[Examples, Examples]:
    """Patches of magnitudes to fit to, and those kept for validation; both models have the same."""
    fitted, validation = (magnitudes_from(each, workshop.recipe.seed) for each in workshop.examples)
    return fitted, validation
