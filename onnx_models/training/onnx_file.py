"""A trained network as an ONNX file that gives the same: exported, checked and compared."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from onnx_models.errors import ModelError
from onnx_models.model_entry import Shape
from onnx_models.runtime import onnx_runtime

# Outputs are probabilities, or values in units of the local level or error: no threshold could notice so little.
TOLERANCE = 1e-4

STEPS: Mapping[str, int] = {"plane": 4, "line": 4, "sample": 4}
"""Lengths of a patch are multiples of this: a U-Net halves them twice. Other axes may have any length."""


@dataclass(frozen=True, eq=False)
class Signature:
    """What a model takes and gives.

    Attributes
    ----------
    inputs
        An example of each by its name, at least three rows (first axis).
    outputs
        Their names.
    varying
        Axes of inputs and outputs, by name and number, that may have any length beside the first, and what each of
        these lengths is called.
    """

    inputs: Mapping[str, Tensor]
    outputs: Sequence[str]
    varying: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def shapes(self, model: nn.Module) -> tuple[dict[str, Shape], dict[str, Shape]]:
        """Give the shapes of inputs and outputs as a manifest has them, with words for what may vary."""
        results = zip(self.outputs, _outputs_of(model, self.inputs), strict=True)
        return (
            {name: self._shape(name, value) for name, value in self.inputs.items()},
            {name: self._shape(name, value) for name, value in results},
        )

    def _shape(self, name: str, value: Tensor) -> Shape:
        words = self.varying.get(name, {})
        return ("n", *(words.get(axis, length) for axis, length in enumerate(value.shape) if axis))


def _outputs_of(model: nn.Module, inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    with torch.no_grad():
        found = model(*inputs.values())
    return found if isinstance(found, tuple) else (found,)


def export(model: nn.Module, signature: Signature, path: Path) -> None:
    """Write a model as an ONNX file; raises ModelError where that gives none."""
    inputs, varying = signature.inputs, signature.varying
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
        output_names=list(signature.outputs),
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


def compare(model: nn.Module, signature: Signature, path: Path) -> None:
    """Hold the exported model against the network, also with other lengths than it was exported with.

    Raises
    ------
    ModelError
        They do not give the same.
    """
    inputs, varying = signature.inputs, signature.varying
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
