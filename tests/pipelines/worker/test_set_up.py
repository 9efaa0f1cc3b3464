"""Faults in the set-up of a worker show before anybody can connect."""

from __future__ import annotations

import socket

import pytest

from gadgets.errors import DesparkError, ModelError, PipelineError, SettingsError
from onnx_models.providers import cuda_devices
from pipelines.worker.worker import NODES, Worker

NO_DETECTION = {"spark_detection": {"method": "none"}, "raw_repair": {"spark_detection.method": "none"}}


BAD_SETTINGS = {
    "no models": ({"spark_detection": {"models": "/nowhere"}}, ModelError, "/nowhere/manifest.json"),
    "models of the joined node": ({"raw_repair": {"spark_detection.models": "/nowhere"}}, ModelError, "/nowhere"),
    "unknown property": ({"image_fft": {"a": "1"}}, SettingsError, "image_fft: unknown property 'a'"),
    "a report nowhere": ({"calibration": {"report": "/no/r"}}, SettingsError, "calibration.report: cannot write /no/r"),
}


@pytest.mark.parametrize(("settings", "error", "reason"), BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_a_fault_in_the_set_up_shows_before_anybody_can_connect(settings, error, reason):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(error, match=reason):
        Worker(dict.fromkeys(NODES, 0) | {"image_fft": port}, settings={**NO_DETECTION, **settings})
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.skipif(cuda_devices() > 0, reason="needs a machine without a GPU")
def test_a_gpu_that_is_asked_for_and_absent_is_a_fault_in_the_set_up():
    with pytest.raises(DesparkError, match="provider=cuda"):
        Worker({"spark_detection": 0}, settings={"spark_detection": {"provider": "cuda"}})


def test_a_port_in_use_is_an_error_and_no_other_port_stays_open():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(PipelineError, match=f"image_fft: cannot listen on 127.0.0.1:{taken}"):
            Worker({"calibration": port, "image_fft": taken})
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
