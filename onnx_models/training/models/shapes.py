"""Models for patches of other shapes: segments, which are 1D, and cuboids, which are 3D.

Source document: patches are segments 1 x M, rectangles M x M or cuboids M x M x M, by the data's dimensions (claim 17).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gadgets.evidence.maps import EVIDENCE_SET
from onnx_models.training.examples.patches import Examples, joined, part
from onnx_models.training.examples.planes import from_planes
from onnx_models.training.examples.segments import SEGMENT, few_lines, rows_of
from onnx_models.training.examples.volumes import CUBOID, make_cuboids
from onnx_models.training.export import Calibrated, Facts
from onnx_models.training.fit import to_tensors
from onnx_models.training.models.points import MISSED_RATE, OPERATING_LOGIT, labels_of, missed_logit, point_loss
from onnx_models.training.networks.shapes import ShapedClassifier, ShapedSegmenter
from onnx_models.training.workshop import Workshop, n_to_fit

ShapeName = Literal["segment", "cuboid"]

PATCHES: Mapping[ShapeName, tuple[int, ...]] = {"segment": (SEGMENT,), "cuboid": CUBOID}
N_AXES: Mapping[ShapeName, int] = {"segment": 1, "cuboid": 3}
POINT_LOGIT: Mapping[ShapeName, float] = {"segment": 1.0, "cuboid": 1.0}
"""Operating points of the segmentation, see :data:`.points.POINT_LOGIT`."""

PLANES_PER_STACK = 12
PLANES_PER_VOLUME = 40
"""A volume is as much work as so many planes; about a third as many examples as there are patches."""

BATCH: Mapping[ShapeName, int] = {"segment": 512, "cuboid": 32}

ANY_SIZE: Mapping[ShapeName, Mapping[str, Mapping[int, str]]] = {
    "segment": {"patches": {3: "sample"}, "probability": {1: "sample"}},
    "cuboid": {
        "patches": {2: "plane", 3: "line", 4: "sample"},
        "probability": {1: "plane", 2: "line", 3: "sample"},
    },
}


def train_segment_classifier(workshop: Workshop) -> None:
    """Train and install the first classification model for segments."""
    _train_classifier(workshop, "segment")


def train_segment_segmenter(workshop: Workshop) -> None:
    """Train and install the abnormal point segmentation model for segments."""
    _train_segmenter(workshop, "segment")


def train_cuboid_classifier(workshop: Workshop) -> None:
    """Train and install the first classification model for cuboids."""
    _train_classifier(workshop, "cuboid")


def train_cuboid_segmenter(workshop: Workshop) -> None:
    """Train and install the abnormal point segmentation model for cuboids."""
    _train_segmenter(workshop, "cuboid")


def _train_segmenter(workshop: Workshop, shape: ShapeName) -> None:
    fitted, _ = _examples(workshop, shape)
    network, name = ShapedSegmenter(N_AXES[shape]), f"{shape}_abnormal_points"
    # Networks for segments give no axis of lines.
    masks = fitted.masks[:, 0] if shape == "segment" else fitted.masks

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        patches, labels = to_tensors(device, fitted.patches[rows], masks[rows])
        return point_loss(network(patches), labels)

    workshop.fit(network, np.arange(len(fitted)), loss, name, batch=BATCH[shape])
    facts = Facts(name, "abnormal_point_segmentation", "all", "unet", PATCHES[shape], EVIDENCE_SET)
    inputs = {"patches": torch.randn((5, *fitted.patches.shape[1:]))}
    workshop.install(Calibrated(network, POINT_LOGIT[shape]), inputs, ("probability",), facts, ANY_SIZE[shape])


def _train_classifier(workshop: Workshop, shape: ShapeName) -> None:
    fitted, validation = _examples(workshop, shape)
    network, name = ShapedClassifier(N_AXES[shape]), f"{shape}_target_patches"
    target, told = labels_of(fitted.masks)

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        patches, positions, label = to_tensors(device, fitted.patches[rows], fitted.positions[rows], target[rows])
        return functional.binary_cross_entropy_with_logits(network(patches, positions), label)

    workshop.fit(network, told, loss, name, batch=BATCH[shape])
    # One model for all regions: the higher of their thresholds is to let as many pass.
    missed = missed_logit(network, validation, MISSED_RATE)
    workshop.log(f"{name}: operating point at logit {missed:.2f}")
    facts = Facts(name, "first_classification", "all", "cnn", PATCHES[shape], EVIDENCE_SET)
    n_positions = fitted.positions.shape[1]
    inputs = {"patches": torch.randn((5, *fitted.patches.shape[1:])), "positions": torch.rand((5, n_positions))}
    shift = min(missed - max(OPERATING_LOGIT.values()), 0.0)
    varying = {"patches": ANY_SIZE[shape]["patches"]}
    workshop.install(Calibrated(network, shift), inputs, ("probability",), facts, varying)


@lru_cache(maxsize=1)
def _examples(workshop: Workshop, shape: ShapeName) -> tuple[Examples, Examples]:
    """Make examples to fit to, and those kept for validation; both models of a shape use the same."""
    recipe, recordings = workshop.recipe, workshop.recordings
    if shape == "cuboid":
        made = make_cuboids(recordings, max(recipe.n_planes // PLANES_PER_VOLUME, 2), recipe.seed, recipe.processes)
        return _divided(made)
    fitted, validation = workshop.examples
    stacks = joined(
        from_planes(recordings, recipe.n_planes // PLANES_PER_STACK, recipe.seed, recipe.processes, few_lines)
    )
    few_fitted, few_validation = _divided(stacks)
    return (
        # Rows of whole planes as well as stacks of few readouts: with auto, segments are for the latter, but a site may
        # ask for them everywhere.
        joined([rows_of(fitted, 2 * len(fitted), recipe.seed), few_fitted]),
        joined([rows_of(validation, 2 * len(validation), recipe.seed), few_validation]),
    )


def _divided(made: Examples) -> tuple[Examples, Examples]:
    n_fitted = n_to_fit(len(made))
    return part(made, np.arange(n_fitted)), part(made, np.arange(n_fitted, len(made)))
