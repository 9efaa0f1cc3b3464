"""The recipe: from clean recordings to a folder of installed models, in one call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import torch

from gadgets.arrays import ComplexArray
from onnx_models.manifest import read_manifest
from onnx_models.model_entry import ModelEntry, Training
from onnx_models.training.fit import Progress
from onnx_models.training.models.calibration import train_artifact_calibration
from onnx_models.training.models.images import train_image_cnn, train_image_vit
from onnx_models.training.models.magnitudes import train_magnitude_classifier, train_magnitude_segmenter
from onnx_models.training.models.one_pass import train_cnn_unet, train_vit
from onnx_models.training.models.points import (
    train_centre_classifier,
    train_outer_classifier,
    train_segmenter,
    train_whole_classifier,
)
from onnx_models.training.models.shapes import (
    train_cuboid_classifier,
    train_cuboid_segmenter,
    train_segment_classifier,
    train_segment_segmenter,
)
from onnx_models.training.models.values import train_value_assignment
from onnx_models.training.models.vit import train_set_transformer
from onnx_models.training.workshop import Recipe, Scores, Workshop

MODELS: Mapping[str, Callable[[Workshop], None]] = {
    "abnormal_points": train_segmenter,
    "target_patches_centre": train_centre_classifier,
    "target_patches_outer": train_outer_classifier,
    "segment_target_patches": train_segment_classifier,
    "segment_abnormal_points": train_segment_segmenter,
    "cuboid_target_patches": train_cuboid_classifier,
    "cuboid_abnormal_points": train_cuboid_segmenter,
    "target_patches_all": train_whole_classifier,
    "target_patches_vit": train_set_transformer,
    "value_assignment": train_value_assignment,
    "magnitude_abnormal_points": train_magnitude_segmenter,
    "magnitude_target_patches": train_magnitude_classifier,
    "artifact_calibration": train_artifact_calibration,
    "patch_calibration_vit": train_vit,
    "patch_calibration_cnn_unet": train_cnn_unet,
    "image_check_cnn": train_image_cnn,
    "image_check_vit": train_image_vit,
}
"""What makes each model; the order is that of the manifest, and so of preference."""


def train_models(
    recordings: Mapping[str, Sequence[ComplexArray]],
    folder: Path,
    recipe: Recipe,
    command: str,
    scores: Mapping[str, Scores],
    progress: Progress,
    log: Callable[[str], None],
    only: Collection[str] = (),
) -> list[ModelEntry]:
    """Train models and install them in `folder`; what this very training has made there already is kept.

    Parameters
    ----------
    recordings
        Clean planes ``(coil, line, sample)`` per source; may be empty: phantoms alone.
    command
        What was typed, for the manifest and the cards.
    scores
        On files that were not trained on, measured before with the same recipe; see :class:`Workshop`.
    only
        Names among :data:`MODELS`; empty: all of them.
    """
    training = Training(data=("analytic phantoms", *sorted(recordings)), seed=recipe.seed, command=command)
    workshop = Workshop(recordings, folder, recipe, training, scores, progress, log)
    # In the order of the recipe, whatever was typed: some models take up what those before them have fitted.
    wanted = [name for name in MODELS if not only or name in only]
    workshop.open()
    for name in wanted:
        if workshop.has(name):
            log(f"{name}: made already")
            continue
        # Anew for each model, so that one that is trained alone comes out as in a training of all.
        torch.manual_seed(recipe.seed)
        MODELS[name](workshop)
    # With only some of them made, the examples are kept for the others.
    if all(workshop.has(name) for name in MODELS):
        workshop.close()
    return [entry for entry in read_manifest(folder).models if entry.name in wanted]
