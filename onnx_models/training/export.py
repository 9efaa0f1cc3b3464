"""From a trained network to an installed model: export, check, compare with the network, write entry and card."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from onnx_models.model_entry import Architecture, ModelEntry, Region, Role, Training
from onnx_models.publish import hash_file, write_card, write_entry
from onnx_models.training.onnx_file import Signature, compare, export

INTENDED_USE = (
    "Finding spark artifacts (bursts of one to a few samples) in MRI k-space as acquired, before "
    "oversampling removal and coil compression. Research only: not a medical device."
)

LIMITS = (
    "Trained on simulated sparks only. A single receiver leaves a real limit near the centre of k-space. Whole noisy "
    "readouts are not sparks and are left alone. Non-Cartesian data were not trained on.\n\n"
    "The scores are those of models that the same recipe made without the files they were scored on, their thresholds "
    "and all rules around them as installed. An installed model may have been trained on every file listed above."
)


@dataclass(frozen=True)
class Facts:
    """What the manifest says of a model beyond its file, its training and its scores."""

    name: str
    role: Role
    region: Region
    architecture: Architecture
    patch: tuple[int, ...]
    normalisation: str
    intended_use: str = INTENDED_USE
    limits: str = LIMITS


class Calibrated(nn.Module):
    """A network whose logits become probabilities, moved so that 0.5 is the operating point.

    A network trained on examples of which every fourth holds a spark is too sure of itself on scans of which
    hardly any does; `shift` is the logit at which the rate of false alarms on clean data is what is wanted.
    """

    def __init__(self, network: nn.Module, shift: float) -> None:
        super().__init__()
        self.network = network
        self.shift = shift

    def forward(self, *inputs: Tensor) -> Tensor:
        """Give probabilities in place of logits."""
        return torch.sigmoid(self.network(*inputs) - self.shift)


def install(
    model: nn.Module,
    signature: Signature,
    facts: Facts,
    training: Training,
    scores: Mapping[str, float | str],
    folder: Path,
) -> ModelEntry:
    """Export a model to `folder`, with its manifest entry and card.

    Parameters
    ----------
    model
        Takes the inputs in their order and gives one tensor, or a tuple of as many as there are outputs.
    signature
        Its inputs and outputs.
    facts, training, scores
        What the manifest and the card say of it.

    Raises
    ------
    ModelError
        The exported model does not give what the network gives.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = model.eval()
    file = f"{facts.name}.onnx"
    # In the same folder, so that a model that was compared is moved there in one step.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as temporary:
        path = Path(temporary) / file
        export(model, signature, path)
        # Before it is installed: what was exported but differs must never stand in the manifest.
        compare(model, signature, path)
        path.replace(folder / file)
    inputs, outputs = signature.shapes(model)
    entry = ModelEntry(
        name=facts.name,
        file=file,
        role=facts.role,
        region=facts.region,
        architecture=facts.architecture,
        patch=facts.patch,
        inputs=inputs,
        outputs=outputs,
        normalisation=facts.normalisation,
        # Of the file as it lies there, and not of what was meant to be written.
        sha256=hash_file(folder / file),
        card=f"cards/{facts.name}.md",
        training=training,
        scores=dict(scores),
    )
    write_entry(entry, folder)
    write_card(entry, facts.intended_use, facts.limits, folder)
    return entry
