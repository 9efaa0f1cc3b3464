"""From a trained network to an installed model: export, check, compare with the network, write entry and card."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from gadgets.evidence import FEATURE_SET
from onnx_models.errors import ModelError
from onnx_models.manifest import Architecture, ModelEntry, Region, Role, Training
from onnx_models.publish import hash_file, write_card, write_entry
from onnx_models.training.networks import N_CHANNELS, N_POSITIONS

SIZE = 32
TOLERANCE = 1e-4

INTENDED_USE = (
    "Finding spark artifacts (bursts of one to a few samples) in Cartesian MRI k-space as acquired, before "
    "oversampling removal and coil compression. Research only: not a medical device."
)


@dataclass(frozen=True)
class Facts:
    """What the manifest says of a model beyond its file."""

    name: str
    role: Role
    region: Region
    architecture: Architecture
    training: Training
    limits: str
    scores: Mapping[str, float | str]


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


def install(network: nn.Module, shift: float, facts: Facts, folder: Path) -> ModelEntry:
    """Export a network to `folder`, with its manifest entry and card.

    Raises
    ------
    ModelError
        The exported model does not give what the network gives.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = Calibrated(network, shift).eval()
    inputs = _example_inputs(facts.role)
    file = f"{facts.name}.onnx"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as temporary:
        path = Path(temporary) / file
        _export(model, inputs, path)
        _compare(model, inputs, path)
        path.replace(folder / file)
    shapes: dict[str, tuple[int | str, ...]] = {name: ("n", *value.shape[1:]) for name, value in inputs.items()}
    outputs: tuple[int | str, ...] = ("n",) if facts.role == "first_classification" else ("n", SIZE, SIZE)
    entry = ModelEntry(
        name=facts.name,
        file=file,
        role=facts.role,
        region=facts.region,
        architecture=facts.architecture,
        inputs=shapes,
        outputs={"probability": outputs},
        normalisation=FEATURE_SET,
        sha256=hash_file(folder / file),
        card=f"cards/{facts.name}.md",
        training=facts.training,
        scores=dict(facts.scores),
    )
    write_entry(entry, folder)
    write_card(entry, INTENDED_USE, facts.limits, folder)
    return entry


def _example_inputs(role: Role, n: int = 5) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = {"patches": torch.randn((n, N_CHANNELS, SIZE, SIZE), generator=generator)}
    if role == "first_classification":
        inputs["positions"] = torch.rand((n, N_POSITIONS), generator=generator)
    return inputs


def _export(model: nn.Module, inputs: Mapping[str, Tensor], path: Path) -> None:
    batch = torch.export.Dim("n", min=1, max=1 << 20)
    program = torch.onnx.export(
        model,
        tuple(inputs.values()),
        dynamo=True,
        dynamic_shapes={"inputs": tuple({0: batch} for _ in inputs)},
        input_names=list(inputs),
        output_names=["probability"],
        verbose=False,
    )
    if program is None:
        raise ModelError(f"{path.name}: the export gave no model")
    program.save(str(path), include_initializers=True, external_data=False)
    onnx.checker.check_model(onnx.load(str(path)), full_check=True)


def _compare(model: nn.Module, inputs: Mapping[str, Tensor], path: Path) -> None:
    """Hold the exported model against the network, also with another batch size than it was exported with."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for n in (5, 2):
        given = {name: value[:n] for name, value in inputs.items()}
        with torch.no_grad():
            expected = model(*given.values()).numpy()
        found = session.run(None, {name: value.numpy() for name, value in given.items()})[0]
        if found.shape != expected.shape or not np.allclose(found, expected, atol=TOLERANCE):
            raise ModelError(
                f"{path.name}: ONNX Runtime and torch differ by {np.abs(found - expected).max():.2g}, "
                f"expected at most {TOLERANCE:g}"
            )
