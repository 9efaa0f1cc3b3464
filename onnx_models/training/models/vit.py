"""The Vision Transformer that judges patches alone or in sets."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gadgets.arrays import IntArray
from gadgets.evidence.maps import EVIDENCE_SET
from gadgets.patch_models.patch_sets import NONE
from gadgets.patches.regions import REGIONS, in_centre
from onnx_models.model_entry import Region
from onnx_models.training.examples.patches import PATCH
from onnx_models.training.examples.sets import SetExamples, joined_sets, make_set_examples, singles
from onnx_models.training.export import Facts
from onnx_models.training.fit import to_tensors
from onnx_models.training.models.points import MISSED_RATE, CalibratedByPlace
from onnx_models.training.networks.points import N_CHANNELS, N_POSITIONS
from onnx_models.training.networks.transformers import SetTransformer
from onnx_models.training.workshop import Workshop, n_to_fit

NAME = "target_patches_vit"

SHARE_OF_PLANES = 5
"""One plane of so many is cut again, for its sets; single patches are there already."""

EPOCHS = 1.5
"""Times as many as a CNN: a linear projection has to meet a spark at every place of a patch."""

ANY_NUMBER = {name: {1: "token"} for name in ("patches", "positions", "present", "probability")}


def train_set_transformer(workshop: Workshop) -> None:
    """Train and install the Vision Transformer, on single patches and on sets of all kinds."""
    network, _, validation = fitted_transformer(workshop)
    missed = missed_logits(network, validation, MISSED_RATE)
    workshop.log(f"{NAME}: operating points at logits {missed}")
    facts = Facts(NAME, "first_classification", "all", "vit", PATCH, EVIDENCE_SET)
    inputs = {
        "patches": torch.randn((5, 4, N_CHANNELS, *PATCH)),
        "positions": torch.rand((5, 4, N_POSITIONS)),
        "present": torch.rand((5, 4)) > 0.3,
    }
    workshop.install(CalibratedByPlace(network, missed), inputs, ("probability",), facts, ANY_NUMBER)


def fitted_transformer(workshop: Workshop) -> tuple[SetTransformer, SetExamples, SetExamples]:
    """Fit the transformer, or give what this training has fitted already; and its examples, to fit and to validate."""
    recipe = workshop.recipe
    n_planes = -(-recipe.n_planes // SHARE_OF_PLANES)
    workshop.log(f"{NAME}: making sets from {n_planes} planes")
    # Another seed than that of the single patches: the same planes once more would teach nothing new.
    made = make_set_examples(workshop.recordings, n_planes, recipe.seed + 1, recipe.processes)
    n_fitted = n_to_fit(len(made.sets))
    sets = made.choose(slice(n_fitted)), made.choose(slice(n_fitted, None))
    fitted, validation = (
        joined_sets([singles(alone), several]) for alone, several in zip(workshop.examples, sets, strict=True)
    )
    network = SetTransformer()

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        return set_loss(network, fitted, rows, device)

    workshop.fit(network, np.arange(len(fitted.sets)), loss, NAME, EPOCHS * recipe.epochs)
    return network, fitted, validation


def set_loss(network: SetTransformer, made: SetExamples, rows: NDArray[np.intp], device: torch.device) -> Tensor:
    """Compare the logits of some sets with their labels; every patch counts alike.

    All patches are rolled by the same random lines and samples, so that sparks come at more places of a patch.
    """
    numbers = trimmed(made.sets[rows])
    told = (numbers != NONE) & (made.labels[numbers] != 2)
    (label,) = to_tensors(device, made.labels[numbers] == 1)
    # Drawn from the rows, so that a fit that goes on sees what it would have seen.
    shift = np.random.default_rng(int(rows.sum())).integers(0, PATCH)
    logits = judge_sets(network, made, numbers, device, tuple(int(each) for each in shift))
    each = functional.binary_cross_entropy_with_logits(logits, label, reduction="none")
    mask = torch.from_numpy(told).to(device)
    # A batch in which nothing can be told would divide by zero, and one NaN spoils all weights for good.
    return (each * mask).sum() / mask.sum().clamp(min=1)


def judge_sets(
    network: SetTransformer,
    made: SetExamples,
    numbers: IntArray,
    device: torch.device,
    shift: tuple[int, ...] = (0, 0),
) -> Tensor:
    """Give logits of sets, shape ``(n, token)``; only patches that are present are embedded."""
    present = numbers != NONE
    chosen = numbers[present]
    patches, positions = to_tensors(device, made.examples.patches[chosen], made.examples.positions[chosen])
    embedded = network.embedding(patches.roll(shift, (2, 3)), positions)
    mask = torch.from_numpy(present).to(device)
    vectors = embedded.new_zeros((*present.shape, embedded.shape[-1]))
    vectors[mask] = embedded
    return network.judge(vectors, mask)


def missed_logits(network: SetTransformer, made: SetExamples, rate: float) -> dict[Region, float]:
    """Find, by region, the logit that all but `rate` of the patches with sparks exceed, whatever set they are in."""
    logits, numbers = [], []
    for start in range(0, len(made.sets), 128):
        chosen = trimmed(made.sets[start : start + 128])
        with torch.no_grad():
            found = judge_sets(network, made, chosen, torch.device("cpu")).numpy()
        logits.append(found[chosen != NONE])
        numbers.append(chosen[chosen != NONE])
    logit, number = np.concatenate(logits), np.concatenate(numbers)
    spark, centre = made.labels[number] == 1, in_centre(made.examples.positions[number])
    targets: dict[Region, NDArray[np.float32]] = {
        region: logit[spark & (centre == (region == "centre"))] for region in REGIONS
    }
    return {region: float(np.quantile(values, rate)) for region, values in targets.items() if values.size}


def trimmed(sets: IntArray) -> IntArray:
    """Leave out the places that no set fills."""
    return sets[:, : max(int((sets != NONE).sum(axis=1).max(initial=0)), 1)]
