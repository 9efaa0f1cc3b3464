"""An inference that does not come to an end is ended."""

from __future__ import annotations

import os
import signal
import threading

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
    assert not time_limit._watch._running


def outcome() -> str:
    session = open_session(endless(), "m1", "cpu", 1)
    with pytest.raises(ProviderError) as caught:
        run_session(session, "m1", None, {"x": np.zeros(2, np.float32)})
    return str(caught.value)


def ends_in_a_child() -> bool:
    child = os.fork()
    if child == 0:
        # Without a watch it would never come back.
        signal.alarm(20)
        os._exit("inference on CPUExecutionProvider failed" not in outcome())
    return os.waitpid(child, 0)[1] == 0


def test_a_forked_process_watches_its_own_inferences(monkeypatch):
    monkeypatch.setattr(time_limit, "LIMIT_S", 0.1)
    outcome()
    assert ends_in_a_child()


def test_a_thread_that_was_refused_once_is_asked_for_again(monkeypatch):
    monkeypatch.setattr(time_limit, "LIMIT_S", 0.1)
    monkeypatch.setattr(time_limit, "_watch", time_limit._Watch())
    started = []
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert "can't start new thread" in outcome()
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread.name))
    with time_limit.limited():
        assert started == ["inferences"]


def refuse(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
