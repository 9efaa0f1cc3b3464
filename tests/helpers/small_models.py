"""ONNX models small enough to be made inside a test, with a folder and a manifest around them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gadgets.evidence.maps import EVIDENCE_SET
from onnx_models.manifest import models_folder, read_manifest
from onnx_models.model_entry import ModelEntry, Training
from onnx_models.publish import hash_file, write_card, write_entry

PATCH = (2, 8, 8)


def weights(n_outputs: int = 3) -> np.ndarray:
    """The weights of the classifier below, shape (values of a patch, outputs)."""
    return np.random.default_rng(5).standard_normal((int(np.prod(PATCH)), n_outputs)).astype(np.float32)


def write_classifier(path: Path, batch: str | int = "n", element: int = TensorProto.FLOAT) -> None:
    """Patches (n, 2, 8, 8) and their position (n, 2) to logits (n, 3): flatten, multiply, add the positions' sum."""
    nodes = [
        helper.make_node("Flatten", ["patches"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["product"]),
        helper.make_node("ReduceSum", ["position", "axes"], ["offset"], keepdims=1),
        helper.make_node("Add", ["product", "offset"], ["spark_logits"]),
    ]
    dtype = helper.tensor_dtype_to_np_dtype(element)
    constants = [
        numpy_helper.from_array(weights().astype(dtype), "weights"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axes"),
    ]
    inputs = [
        helper.make_tensor_value_info("patches", element, [batch, *PATCH]),
        helper.make_tensor_value_info("position", element, [batch, 2]),
    ]
    outputs = [helper.make_tensor_value_info("spark_logits", element, [batch, 3])]
    graph = helper.make_graph(nodes, "classifier", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def entry_for(path: Path, **changes: Any) -> ModelEntry:
    """A valid manifest entry for the classifier in ``path``; ``changes`` replace fields of it."""
    name = path.stem
    fields: dict[str, Any] = {
        "name": name,
        "file": path.name,
        "role": "first_classification",
        "region": "centre",
        "architecture": "cnn",
        "patch": PATCH[1:],
        "inputs": {"patches": ("n", *PATCH), "position": ("n", 2)},
        "outputs": {"spark_logits": ("n", 3)},
        "normalisation": "features-1",
        "sha256": hash_file(path),
        "card": f"cards/{name}.md",
        "training": Training(data=("made up",), seed=5, command="none"),
        "scores": {"found, r < 0.1": 0.5, "events": "12 of 24"},
    }
    return ModelEntry.model_validate(fields | changes)


def make_folder(folder: Path, name: str = "m1", **changes: Any) -> ModelEntry:
    """A folder with one model, its card and its manifest; returns the entry."""
    write_classifier(folder / f"{name}.onnx")
    entry = entry_for(folder / f"{name}.onnx", **changes)
    write_card(entry, "Tests.", "All of them.", folder)
    write_entry(entry, folder)
    return entry


def expected_logits(patches: np.ndarray, position: np.ndarray) -> np.ndarray:
    """What the classifier computes, in double precision."""
    flat = patches.reshape(len(patches), int(np.prod(PATCH))).astype(np.float64)
    return flat @ weights().astype(np.float64) + position.sum(axis=1, keepdims=True)


def add_set_classifier(folder: Path, scores: dict[str, Any] | None = None) -> ModelEntry:
    """Copy the default's models to a folder, and add one that judges sets: the loudest sample of each patch counts."""
    for entry in read_manifest().models[:3]:
        shutil.copy(models_folder() / entry.file, folder)
        write_entry(entry, folder)
    nodes = [
        helper.make_node("ReduceMax", ["patches", "samples"], ["loudest"], keepdims=0),
        helper.make_node("ReduceMin", ["positions", "coordinates"], ["place"], keepdims=0),
        helper.make_node("Mul", ["place", "zero"], ["nothing"]),
        helper.make_node("Sub", ["loudest", "limit"], ["excess"]),
        helper.make_node("Add", ["excess", "nothing"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["sure"]),
        helper.make_node("Cast", ["present"], ["weight"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["sure", "weight"], ["probability"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([2, 3, 4], dtype=np.int64), "samples"),
        numpy_helper.from_array(np.array([2], dtype=np.int64), "coordinates"),
        numpy_helper.from_array(np.array(0, dtype=np.float32), "zero"),
        numpy_helper.from_array(np.array(3, dtype=np.float32), "limit"),
    ]
    shapes = {"patches": ("n", "token", 12, 32, 32), "positions": ("n", "token", 4), "present": ("n", "token")}
    types = {name: TensorProto.BOOL if name == "present" else TensorProto.FLOAT for name in shapes}
    inputs = [helper.make_tensor_value_info(name, types[name], shape) for name, shape in shapes.items()]
    outputs = [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", "token"])]
    graph = helper.make_graph(nodes, "set_classifier", inputs, outputs, constants)
    path = folder / "small_vit.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    fields = {"region": "all", "architecture": "vit", "patch": (32, 32), "normalisation": EVIDENCE_SET}
    sizes = {"inputs": shapes, "outputs": {"probability": ("n", "token")}}
    entry = entry_for(path, **fields, **sizes, scores=scores or {})
    write_entry(entry, folder)
    return entry
