"""Models without training: a sample is abnormal where the maps of evidence together stand out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

from gadgets.evidence.maps import CHANNELS, EVIDENCE_SET, N_STRIKING
from onnx_models.model_entry import ModelEntry, Training
from onnx_models.publish import hash_file, write_card, write_entry

ORDINARY = 1.2
"""Mean of the maps above which a sample is abnormal; noise alone has up to about 0.8."""

AXES = {1: ("sample",), 2: ("line", "sample"), 3: ("plane", "line", "sample")}


def write_striking_models(folder: Path, patch: tuple[int, ...]) -> None:
    """Install a classifier and a segmentation for patches of one shape, which take any size of it."""
    words = AXES[len(patch)]
    shape = ("n", len(CHANNELS), *((1,) if len(patch) == 1 else ()), *words)
    _install(folder, f"points_{len(patch)}d", "abnormal_point_segmentation", "unet", patch, shape)
    _install(folder, f"targets_{len(patch)}d", "first_classification", "cnn", patch, shape)


def _install(folder: Path, name: str, role: str, architecture: str, patch: tuple[int, ...], shape: tuple) -> None:
    is_classifier = role == "first_classification"
    inputs = {"patches": shape} | ({"positions": ("n", max(len(patch), 2) + 2)} if is_classifier else {})
    output = ("n",) if is_classifier else ("n", *shape[2:])
    nodes = [
        helper.make_node("Slice", ["patches", "first", "last", "channel"], ["maps"]),
        helper.make_node("ReduceMean", ["maps", "channel"], ["striking"], keepdims=0),
    ]
    if is_classifier:
        nodes.append(helper.make_node("ReduceMax", ["striking", "others"], ["judged"], keepdims=0))
    else:
        nodes.append(helper.make_node("Identity", ["striking"], ["judged"]))
    nodes += [
        helper.make_node("Sub", ["judged", "ordinary"], ["beyond"]),
        helper.make_node("Mul", ["beyond", "steepness"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["probability"]),
    ]
    constants = {
        "first": np.array([0]),
        "last": np.array([N_STRIKING]),
        "channel": np.array([1]),
        "others": np.arange(1, len(shape) - 1),
        "ordinary": np.float32(ORDINARY),
        "steepness": np.float32(4),
    }
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, axes) for key, axes in inputs.items()],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, output)],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), folder / f"{name}.onnx")
    entry = ModelEntry(
        name=name,
        file=f"{name}.onnx",
        role=role,
        region="all",
        architecture=architecture,
        patch=patch,
        inputs=inputs,
        outputs={"probability": output},
        normalisation=EVIDENCE_SET,
        sha256=hash_file(folder / f"{name}.onnx"),
        card=f"cards/{name}.md",
        training=Training(data=("none",), seed=0, command="none"),
    )
    write_card(entry, "Tests.", "All of them.", folder)
    write_entry(entry, folder)
