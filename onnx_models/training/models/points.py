"""Training of M1, M2 and the segmentation: the models that classify patches and mark their abnormal points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gadgets.evidence.maps import EVIDENCE_SET
from gadgets.patches.regions import INNER, REGIONS, in_centre
from gadgets.settings import SparkDetectionSettings
from onnx_models.model_entry import Region
from onnx_models.training.examples.patches import PATCH, Examples, part
from onnx_models.training.export import Calibrated, Facts
from onnx_models.training.fit import to_tensors
from onnx_models.training.networks.points import N_CHANNELS, N_POSITIONS, PatchClassifier, PointSegmenter
from onnx_models.training.workshop import Workshop

POINT_LOGIT = 1.0
"""Operating point of the segmentation: above it, one of 250 varied planes of sources that were left out had a false
alarm, and none at the echo's peak above 3.0, which is why ``core_threshold`` is what it is."""

MISSED_RATE = 0.01
"""Of the patches with sparks that can be told: the classifiers are to spare work, the segmentation decides."""

DEFAULTS = SparkDetectionSettings()
OPERATING_LOGIT: dict[Region, float] = {
    "centre": float(np.log(DEFAULTS.centre_threshold / (1 - DEFAULTS.centre_threshold))),
    "outer": float(np.log(DEFAULTS.threshold / (1 - DEFAULTS.threshold))),
}
"""Logits of the default thresholds: probabilities are moved so that these are the operating points."""

ANY_SIZE: Mapping[str, Mapping[int, str]] = {
    "patches": {2: "line", 3: "sample"},
    "probability": {1: "line", 2: "sample"},
}
"""Axes that may have other lengths than those that were trained with."""


def train_segmenter(workshop: Workshop) -> None:
    """Train and install the abnormal point segmentation model."""
    network = fitted_segmenter(workshop)
    facts = Facts("abnormal_points", "abnormal_point_segmentation", "all", "unet", PATCH, EVIDENCE_SET)
    inputs = {"patches": torch.randn((5, N_CHANNELS, *PATCH))}
    workshop.install(Calibrated(network, POINT_LOGIT), inputs, ("probability",), facts, ANY_SIZE)


def fitted_segmenter(workshop: Workshop) -> PointSegmenter:
    """Fit the segmentation, or give what this training has fitted already."""
    fitted, _ = workshop.examples
    network = PointSegmenter()

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        patches, masks = to_tensors(device, fitted.patches[rows], fitted.masks[rows])
        return point_loss(network(patches), masks)

    workshop.fit(network, np.arange(len(fitted)), loss, "abnormal_points")
    return network


def train_centre_classifier(workshop: Workshop) -> None:
    """Train and install M1, for patches that reach into the centre of k-space: few, so they are seen twice as often."""
    _train_classifier(workshop, "target_patches_centre", "centre", epochs=2 * workshop.recipe.epochs)


def train_outer_classifier(workshop: Workshop) -> None:
    """Train and install M2, for all other patches."""
    _train_classifier(workshop, "target_patches_outer", "outer", epochs=workshop.recipe.epochs)


def train_whole_classifier(workshop: Workshop) -> None:
    """Train and install one model for all patches, which stands where M1 and M2 are not wanted."""
    _train_classifier(workshop, "target_patches_all", "all", epochs=0.6 * workshop.recipe.epochs)


def _train_classifier(workshop: Workshop, name: str, region: Region, epochs: float) -> None:
    fitted, validation = (of_region(examples, region) for examples in workshop.examples)
    network = PatchClassifier()
    target, told = labels_of(fitted.masks)

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        patches, positions, label = to_tensors(device, fitted.patches[rows], fitted.positions[rows], target[rows])
        return functional.binary_cross_entropy_with_logits(network(patches, positions), label)

    workshop.fit(network, told, loss, name, epochs)
    # The centre has its own threshold, so one model for all gets an operating point for each region.
    regions: tuple[Region, ...] = REGIONS if region == "all" else (region,)
    missed = {each: missed_logit(network, of_region(validation, each), MISSED_RATE) for each in regions}
    workshop.log(f"{name}: operating points at logits {missed}")
    facts = Facts(name, "first_classification", region, "cnn", PATCH, EVIDENCE_SET)
    inputs = {"patches": torch.randn((5, N_CHANNELS, *PATCH)), "positions": torch.rand((5, N_POSITIONS))}
    varying = {"patches": ANY_SIZE["patches"]}
    model = CalibratedByPlace(network, missed) if region == "all" else Calibrated(network, shift_for(missed))
    workshop.install(model, inputs, ("probability",), facts, varying)


def point_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Compare logits per sample with masks: 1 abnormal, 0 normal, 2 neither.

    Abnormal samples are one in some hundreds; a weight keeps the first epochs from calling everything normal.
    """
    each = functional.binary_cross_entropy_with_logits(logits, (masks == 1).float(), reduction="none")
    # What is too weak to be told is neither right nor wrong, and teaches nothing.
    weight = torch.where(masks == 2, 0.0, torch.where(masks == 1, 4.0, 1.0))
    # Losses of so rare samples are small numbers. The factor changes nothing but when gradients are clipped: the
    # optimiser divides them by their usual size.
    return (each * weight).sum() / (masks != 2).sum() * 50


def labels_of(masks: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Tell which patches hold abnormal points, and which can be learnt from: no spark in them is too weak to be told.

    Parameters
    ----------
    masks
        Shape ``(n, …)``: 1 abnormal, 0 normal, 2 neither.
    """
    axes = tuple(range(1, masks.ndim))
    # A patch with a spark that can be told is a target, whatever else is in it.
    target = (masks == 1).any(axis=axes)
    return target, np.flatnonzero(target | ~(masks == 2).any(axis=axes))


def missed_logit(network: nn.Module, examples: Examples, rate: float) -> float:
    """Find the logit that all but `rate` of the patches with sparks exceed.

    Parameters
    ----------
    network
        A first classification model.
    examples
        Not trained on; those without a spark are left out.
    rate
        Share of the patches.
    """
    # Faint sparks do not count: to miss them is neither right nor wrong.
    targets = np.flatnonzero(labels_of(examples.masks)[0])
    if not targets.size:
        return 0.0
    with torch.no_grad():
        inputs = to_tensors(torch.device("cpu"), examples.patches[targets], examples.positions[targets])
        return float(np.quantile(network(*inputs).numpy(), rate))


def shift_for(missed: Mapping[Region, float]) -> float:
    """Give the shift of a model's logits that moves these, by region, to the default thresholds or above them."""
    # Never above 0: probabilities are raised where too many sparks would be missed, and never lowered.
    return min([0.0, *(missed[region] - OPERATING_LOGIT[region] for region in missed)])


class CalibratedByPlace(nn.Module):
    """A network for all of k-space, each region with an operating point of its own; see :class:`.export.Calibrated`.

    With one shift for both, the centre's, the Vision Transformer takes 28 % of the outer patches without sparks for
    targets, with two of them 2 %. Source document: one model for all patches, and thresholds by place (claims 8, 9).
    """

    def __init__(self, network: nn.Module, missed: Mapping[Region, float]) -> None:
        super().__init__()
        self.network = network
        self.shifts = {each: shift_for({each: missed[each]}) if each in missed else 0.0 for each in REGIONS}

    def forward(self, *inputs: Tensor) -> Tensor:
        """Give probabilities in place of logits; the second input is that of the positions."""
        # The last position is the distance of the nearest sample, by which a patch belongs to the centre.
        shift = torch.where(inputs[1][..., -1] < INNER, self.shifts["centre"], self.shifts["outer"])
        return torch.sigmoid(self.network(*inputs) - shift)


def of_region(examples: Examples, region: Region) -> Examples:
    """Choose the patches of a region."""
    if region == "all":
        return examples
    return part(examples, np.flatnonzero(in_centre(examples.positions) == (region == "centre")))
