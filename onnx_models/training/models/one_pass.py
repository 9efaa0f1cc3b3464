"""The patch calibration models, which find and calibrate at once.

Source document: a Vision Transformer, or a classification module joined to a calibration module, trained on patch pairs
(claims 15 and 16). Encoders are those that this training has fitted for the models of the first method.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gadgets.evidence.maps import EVIDENCE_SET
from gadgets.patch_models.patch_sets import NONE
from gadgets.patch_models.recorded_patches import RECEIVERS
from gadgets.patches.regions import REGIONS, in_centre
from onnx_models.model_entry import Architecture, Region
from onnx_models.training.examples.patches import PATCH, Examples, part
from onnx_models.training.examples.sets import SetExamples
from onnx_models.training.export import Facts
from onnx_models.training.fit import BATCH, to_tensors
from onnx_models.training.models.calibration import UNET, example_receivers, fitted_mending
from onnx_models.training.models.points import (
    MISSED_RATE,
    POINT_LOGIT,
    fitted_segmenter,
    labels_of,
    point_loss,
    shift_for,
)
from onnx_models.training.models.vit import fitted_transformer, missed_logits, trimmed
from onnx_models.training.networks.calibration import N_FEATURES
from onnx_models.training.networks.one_pass import (
    ClassificationHead,
    CnnUnet,
    PatchCalibrator,
    SampleDecoder,
    Vit,
    pool,
)
from onnx_models.training.networks.points import N_CHANNELS, N_POSITIONS, PointSegmenter
from onnx_models.training.networks.transformers import SetTransformer
from onnx_models.training.workshop import Workshop

HEAD_EPOCHS, DECODER_EPOCHS = 4.0, 0.5
"""Times as many as a model that is made from nothing: the head is small, and patches are encoded once for it."""

ALARM_RATE = 0.014
"""Share of the clean patches of the examples, most of which were chosen because they resemble sparks, in which the
segmentation marks a sample at its operating point: other networks that mark samples are put where they do the same."""


def train_cnn_unet(workshop: Workshop) -> None:
    """Train and install the patch calibration model of a CNN and a U-Net, which share an encoder."""
    name = "patch_calibration_cnn_unet"
    segmenter = fitted_segmenter(workshop)
    head, missed = _fitted_head(workshop, name, segmenter)
    # Under the name of the artifact calibration model: it has the same U-Net, and what was fitted for it is taken.
    mending = fitted_mending(workshop, UNET, lambda patches, _: segmenter.features(patches))
    look = CnnUnet(segmenter, head)
    _install_one_pass(workshop, name, "cnn_unet", PatchCalibrator(look, mending, (shift_for(missed), POINT_LOGIT)))


def train_vit(workshop: Workshop) -> None:
    """Train and install the patch calibration model of a Vision Transformer, which takes sets of patches."""
    name = "patch_calibration_vit"
    transformer, fitted, validation = fitted_transformer(workshop)
    look = Vit(transformer, _fitted_decoder(workshop, name, transformer, fitted))
    mending = fitted_mending(workshop, name, lambda *patches: look.alone(*patches)[0])
    shifts = shift_for(missed_logits(transformer, validation, MISSED_RATE)), _alarm_logit(look, workshop.examples[1])
    workshop.log(f"{name}: operating points at logits {shifts}")
    _install_one_pass(workshop, name, "vit", PatchCalibrator(look, mending, shifts))


def _fitted_head(
    workshop: Workshop, name: str, segmenter: PointSegmenter
) -> tuple[ClassificationHead, dict[Region, float]]:
    """Fit the classification module to what the encoder makes of patches; give its operating points, too."""
    fitted, validation = workshop.examples
    target, told = labels_of(fitted.masks)
    # The encoder stays as it is, so patches go through it once and not in every epoch.
    head, pooled = ClassificationHead(), _pooled(segmenter, fitted)

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        values, positions, label = to_tensors(device, pooled[rows], fitted.positions[rows], target[rows])
        return functional.binary_cross_entropy_with_logits(head(values, positions), label)

    workshop.fit(head, told, loss, f"{name}_head", HEAD_EPOCHS * workshop.recipe.epochs)
    sparked = labels_of(validation.masks)[0]
    with torch.no_grad():
        chosen = part(validation, np.flatnonzero(sparked))
        logits = head(*to_tensors(torch.device("cpu"), _pooled(segmenter, chosen), chosen.positions)).numpy()
    centre = in_centre(chosen.positions)
    found: dict[Region, NDArray[np.float32]] = {each: logits[centre == (each == "centre")] for each in REGIONS}
    missed = {each: float(np.quantile(values, MISSED_RATE)) for each, values in found.items() if values.size}
    workshop.log(f"{name}: operating points at logits {missed}")
    return head, missed


def _pooled(segmenter: PointSegmenter, examples: Examples) -> NDArray[np.float32]:
    """Give what the encoder makes of patches, shape ``(n, feature)``."""
    found = []
    with torch.no_grad():
        for start in range(0, len(examples), BATCH):
            (patches,) = to_tensors(torch.device("cpu"), examples.patches[start : start + BATCH])
            found.append(pool(segmenter.encode(patches)).numpy())
    return np.concatenate(found) if found else np.zeros((0, 10 * N_FEATURES), dtype=np.float32)


def _fitted_decoder(workshop: Workshop, name: str, transformer: SetTransformer, fitted: SetExamples) -> SampleDecoder:
    """Fit what marks samples, guided by the hidden vectors of sets of patches."""
    decoder, examples = SampleDecoder(transformer.embedding.projection.out_features), fitted.examples

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        numbers = trimmed(fitted.sets[rows])
        present = numbers != NONE
        chosen = numbers[present]
        patches, positions, masks = to_tensors(
            device, examples.patches[chosen], examples.positions[chosen], examples.masks[chosen]
        )
        with torch.no_grad():
            # The transformer stays as it was fitted; only what marks samples learns.
            hidden = _hidden(transformer.to(device), patches, positions, torch.from_numpy(present).to(device))
        return point_loss(decoder(patches, hidden)[1], masks)

    workshop.fit(decoder, np.arange(len(fitted.sets)), loss, f"{name}_decoder", DECODER_EPOCHS * workshop.recipe.epochs)
    transformer.to(torch.device("cpu"))
    return decoder


def _hidden(transformer: SetTransformer, patches: Tensor, positions: Tensor, present: Tensor) -> Tensor:
    """Give the hidden vectors of sets, shape ``(patch, width)``; only patches that are present are embedded."""
    embedded = transformer.embedding(patches, positions)
    vectors = embedded.new_zeros((*present.shape, embedded.shape[-1]))
    vectors[present] = embedded
    return transformer.encode(vectors, present)[present]


def _alarm_logit(look: Vit, examples: Examples) -> float:
    """Find the logit that the samples of all but a share of the clean patches stay below."""
    # Faint sparks are neither: to mark them would be no false alarm.
    clean = np.flatnonzero(~(examples.masks > 0).any(axis=(1, 2)))
    loudest = []
    with torch.no_grad():
        for start in range(0, len(clean), BATCH):
            rows = clean[start : start + BATCH]
            inputs = to_tensors(torch.device("cpu"), examples.patches[rows], examples.positions[rows])
            loudest.append(look.alone(*inputs)[1].amax(dim=(1, 2)).numpy())
    return float(np.quantile(np.concatenate(loudest), 1 - ALARM_RATE)) if loudest else POINT_LOGIT


def _install_one_pass(workshop: Workshop, name: str, architecture: Architecture, model: PatchCalibrator) -> None:
    facts = Facts(name, "patch_calibration", "all", architecture, PATCH, EVIDENCE_SET)
    inputs = {
        "patches": torch.randn((5, 4, N_CHANNELS, *PATCH)),
        "positions": torch.rand((5, 4, N_POSITIONS)),
        # Some absent, so that the comparison with the exported model covers them.
        "present": torch.rand((5, 4)) > 0.3,
        "thresholds": torch.rand((5, 4)),
        **example_receivers((5, 4, 4)),
    }
    outputs = ("target", "probability", "calibrated")
    names = ("patches", "positions", "present", "thresholds", *RECEIVERS, *outputs)
    varying = {each: {1: "token"} for each in names}
    varying |= {each: {1: "token", 2: "receiver"} for each in (*RECEIVERS, "calibrated")}
    workshop.install(model, inputs, outputs, facts, varying)
