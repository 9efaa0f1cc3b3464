"""An inference that does not come to an end is ended."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx_models import time_limit
from onnx_models.errors import ProviderError
from onnx_models.providers import open_session, run_session


def endless() -> bytes:
    """Add one, 2^62 times."""
    flag, value = (TensorProto.BOOL, []), (TensorProto.FLOAT, ["n"])
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["goes"]), helper.make_node("Add", ["old", "one"], ["new"])],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", *flag),
            helper.make_tensor_value_info("old", *value),
        ],
        [helper.make_tensor_value_info("goes", *flag), helper.make_tensor_value_info("new", *value)],
        [numpy_helper.from_array(np.float32(1), "one")],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["rounds", "yes", "x"], ["y"], body=body)],
        "endless",
        [helper.make_tensor_value_info("x", *value)],
        [helper.make_tensor_value_info("y", *value)],
        [numpy_helper.from_array(np.int64(1 << 62), "rounds"), numpy_helper.from_array(np.bool_(True), "yes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def test_a_model_that_never_ends_is_ended_and_the_next_one_is_not(monkeypatch):
    monkeypatch.setattr(time_limit, "LIMIT_S", 0.1)
    session = open_session(endless(), "m1", "cpu", 1)
    for _ in range(2):
        with pytest.raises(ProviderError, match="model m1: inference on CPUExecutionProvider failed"):
            run_session(session, "m1", None, {"x": np.zeros(2, np.float32)})
    assert not time_limit.limited.__self__._running
