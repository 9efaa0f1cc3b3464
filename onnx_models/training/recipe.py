"""The recipe: from clean recordings to a folder of installed models, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gadgets.kspace import ComplexArray
from gadgets.settings import SparkDetectionSettings
from gadgets.target_patches import in_centre
from onnx_models.manifest import ModelEntry, Region, Training
from onnx_models.training.examples import Examples, make_examples
from onnx_models.training.export import Facts, install
from onnx_models.training.fit import Progress, Schedule, fit_classifier, fit_segmenter, missed_logit

VALIDATION_SHARE = 0.1
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

LIMITS = (
    "Trained on simulated sparks only. A single receiver leaves a real limit near the centre of k-space. Whole noisy "
    "readouts are not sparks and are left alone. Non-Cartesian data were not trained on.\n\n"
    "The scores are those of models that the same recipe made without the files they were scored on, their thresholds "
    "and all rules around them as installed. An installed model may have been trained on every file listed above."
)


@dataclass(frozen=True)
class Recipe:
    """How much to train on and for how long; `processes` make the examples, and as many threads fit the networks."""

    n_planes: int = 6000
    epochs: float = 5.0
    seed: int = 1
    processes: int = 2


def train_models(
    recordings: Mapping[str, Sequence[ComplexArray]],
    folder: Path,
    recipe: Recipe,
    command: str,
    scores: Mapping[str, float | str],
    progress: Progress,
    log: Callable[[str], None],
) -> list[ModelEntry]:
    """Train M1, M2 and the segmentation U-Net, and install them in `folder`.

    Parameters
    ----------
    recordings
        Clean planes ``(coil, line, sample)`` per source; may be empty: phantoms alone.
    command
        What was typed, for the manifest and the cards.
    scores
        On files that were not trained on, measured before with the same recipe.
    """
    log(f"making examples from {recipe.n_planes} planes of phantoms and {len(recordings)} recordings")
    examples = make_examples(recordings, recipe.n_planes, recipe.seed, recipe.processes)
    n_fitted = int(len(examples) * (1 - VALIDATION_SHARE))
    fitted, validation = _part(examples, np.arange(n_fitted)), _part(examples, np.arange(n_fitted, len(examples)))
    log(f"fitting to {len(fitted)} patches, {len(validation)} kept for validation")
    torch.set_num_threads(recipe.processes)
    schedule = Schedule(epochs=recipe.epochs, seed=recipe.seed)
    longer = Schedule(epochs=2 * recipe.epochs, seed=recipe.seed)
    training = Training(data=("analytic phantoms", *sorted(recordings)), seed=recipe.seed, command=command)

    segmenter = fit_segmenter(fitted, "abnormal points", schedule, progress)
    entries = [
        install(
            segmenter,
            POINT_LOGIT,
            Facts("abnormal_points", "abnormal_point_segmentation", "all", "unet", training, LIMITS, scores),
            folder,
        )
    ]
    regions: tuple[tuple[Region, str, Schedule], ...] = (
        ("centre", "target_patches_centre", longer),
        ("outer", "target_patches_outer", schedule),
    )
    for region, name, length in regions:
        classifier = fit_classifier(_of_region(fitted, region), name, length, progress)
        missed = missed_logit(classifier, _of_region(validation, region), MISSED_RATE)
        log(f"{name}: operating point at logit {missed:.2f}")
        facts = Facts(name, "first_classification", region, "cnn", training, LIMITS, scores)
        entries.append(install(classifier, min(missed - OPERATING_LOGIT[region], 0.0), facts, folder))
    return entries


def _of_region(examples: Examples, region: Region) -> Examples:
    return _part(examples, np.flatnonzero(in_centre(examples.positions) == (region == "centre")))


def _part(examples: Examples, rows: NDArray[np.intp]) -> Examples:
    return Examples(**{field.name: getattr(examples, field.name)[rows] for field in fields(Examples)})
