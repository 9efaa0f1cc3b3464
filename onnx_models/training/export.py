"""From a trained network to an installed model: export, check, compare with the network, write entry and card."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from onnx_models.errors import ModelError
from onnx_models.manifest import Architecture, ModelEntry, Region, Role, Training
from onnx_models.publish import hash_file, write_card, write_entry
from onnx_models.runtime import onnx_runtime

# Outputs are probabilities, or values in units of the local level or error: no threshold could notice so little.
TOLERANCE = 1e-4

STEPS: Mapping[str, int] = {"plane": 4, "line": 4, "sample": 4}
"""Lengths of a patch are multiples of this: a U-Net halves them twice. Other axes may have any length."""

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
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    facts: Facts,
    training: Training,
    scores: Mapping[str, float | str],
    folder: Path,
    varying: Mapping[str, Mapping[int, str]] | None = None,
) -> ModelEntry:
    """Export a model to `folder`, with its manifest entry and card.

    Parameters
    ----------
    model
        Takes the inputs in their order and gives one tensor, or a tuple of as many as there are outputs.
    inputs
        An example of each, at least three rows (first axis).
    outputs
        Their names.
    varying
        Axes of inputs and outputs, by name and number, that may have any length beside the first, and what each of
        these lengths is called.

    Raises
    ------
    ModelError
        The exported model does not give what the network gives.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = model.eval()
    varying = varying or {}
    file = f"{facts.name}.onnx"
    # In the same folder, so that a model that was compared is moved there in one step.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as temporary:
        path = Path(temporary) / file
        _export(model, inputs, outputs, varying, path)
        # Before it is installed: what was exported but differs must never stand in the manifest.
        _compare(model, inputs, varying, path)
        path.replace(folder / file)
    shapes = {name: _shape(name, value, varying) for name, value in inputs.items()}
    results = zip(outputs, _outputs_of(model, inputs), strict=True)
    entry = ModelEntry(
        name=facts.name,
        file=file,
        role=facts.role,
        region=facts.region,
        architecture=facts.architecture,
        patch=facts.patch,
        inputs=shapes,
        outputs={name: _shape(name, value, varying) for name, value in results},
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


def _shape(name: str, value: Tensor, varying: Mapping[str, Mapping[int, str]]) -> tuple[int | str, ...]:
    words = varying.get(name, {})
    return ("n", *(words.get(axis, length) for axis, length in enumerate(value.shape) if axis))


def _outputs_of(model: nn.Module, inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    with torch.no_grad():
        found = model(*inputs.values())
    return found if isinstance(found, tuple) else (found,)


def _export(
    model: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    varying: Mapping[str, Mapping[int, str]],
    path: Path,
) -> None:
    # Only axes that are named here stay free; the exporter takes all others for constants.
    batch = torch.export.Dim("n", min=1, max=1 << 20)
    words = sorted({word for axes in varying.values() for word in axes.values()})
    # Axes of one word share one symbol: inputs of a model have to agree in them.
    lengths = {word: STEPS.get(word, 1) * torch.export.Dim(f"n_{word}", min=1, max=1 << 12) for word in words}
    axes = tuple({0: batch} | {axis: lengths[word] for axis, word in varying.get(name, {}).items()} for name in inputs)
    # A network whose forward names its arguments is told of their axes one by one, one that takes them all together.
    together = [parameter.kind for parameter in inspect.signature(model.forward).parameters.values()]
    is_together = inspect.Parameter.VAR_POSITIONAL in together
    program = torch.onnx.export(
        model,
        tuple(inputs.values()),
        dynamo=True,
        dynamic_shapes=(axes,) if is_together else axes,
        input_names=list(inputs),
        output_names=list(outputs),
        verbose=False,
    )
    if program is None:
        raise ModelError(f"{path.name}: the export gave no model")
    # Weights inside of the file, so that a single hash covers all of the model.
    program.save(str(path), include_initializers=True, external_data=False)
    exported = onnx.load(str(path))
    _forget_origin(exported)
    onnx.checker.check_model(exported, full_check=True)
    onnx.save(exported, str(path))


def _forget_origin(model: onnx.ModelProto) -> None:
    """Take out which line of which source file each node came from, a quarter of a small file.

    Without these paths the same network gives the same bytes, wherever it was made.
    """
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def _compare(
    model: nn.Module, inputs: Mapping[str, Tensor], varying: Mapping[str, Mapping[int, str]], path: Path
) -> None:
    """Hold the exported model against the network, also with other lengths than it was exported with."""
    session = onnx_runtime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    shorter = {name: _shortened(value, {0: "n", **varying.get(name, {})}) for name, value in inputs.items()}
    # An axis that the exporter has fixed by mistake fails here, and not at the scanner.
    for given in (inputs, shorter):
        expected = [value.numpy() for value in _outputs_of(model, given)]
        found = session.run(None, {name: value.numpy() for name, value in given.items()})
        for here, there in zip(found, expected, strict=True):
            if here.shape != there.shape or not np.allclose(here, there, atol=TOLERANCE):
                raise ModelError(
                    f"{path.name}: ONNX Runtime and torch differ by {np.abs(here - there).max():.2g}, "
                    f"expected at most {TOLERANCE:g}"
                )


def _shortened(value: Tensor, varying: Mapping[int, str]) -> Tensor:
    """Cut the axes that may vary to half their length."""
    for axis, word in varying.items():
        step = STEPS.get(word, 1)
        value = value.narrow(axis, 0, max(value.shape[axis] // (2 * step), 1) * step)
    return value
