from __future__ import annotations

import logging

import numpy as np
import pytest
from helpers.small_models import make_folder

from onnx_models import providers
from onnx_models.errors import ModelError, ProviderError
from onnx_models.loader import open_model
from onnx_models.providers import CPU, CUDA, open_session, run_session


@pytest.fixture(autouse=True)
def _nothing_logged_yet():
    providers._log_once.cache_clear()


@pytest.fixture
def content(tmp_path):
    return (tmp_path / make_folder(tmp_path).file).read_bytes()


def pretend_devices(monkeypatch, count):
    monkeypatch.setattr(providers, "cuda_devices", lambda: count)


def test_cuda_without_a_device_is_an_error(monkeypatch, content):
    pretend_devices(monkeypatch, 0)
    with pytest.raises(ProviderError, match=r"model m1: expected to run on CUDA.*no CUDA device was found"):
        open_session(content, "m1", "cuda", 1)


def test_auto_without_a_device_is_the_cpu_and_says_so_once(monkeypatch, content, caplog):
    pretend_devices(monkeypatch, 0)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert open_session(content, "m1", "auto", 1).get_providers()[0] == CPU
    (message,) = caplog.messages
    assert "models run on CPUExecutionProvider" in message
    assert "no CUDA device was found" in message


@pytest.fixture
def unusable_device(monkeypatch):
    """A device that answers but cannot be used, as where its libraries are missing."""
    pretend_devices(monkeypatch, 1)
    opened = providers._session

    def without_cuda(content, name, provider, threads):
        if provider == CUDA:
            raise ModelError(f"model {name}: cannot be opened: no cuDNN")
        return opened(content, name, provider, threads)

    monkeypatch.setattr(providers, "_session", without_cuda)


@pytest.mark.usefixtures("unusable_device")
def test_cuda_that_cannot_be_used_is_an_error_with_its_reason(content):
    with pytest.raises(ProviderError, match=r"expected to run on CUDA.*cannot use the CUDA device.*no cuDNN"):
        open_session(content, "m1", "cuda", 1)


@pytest.mark.usefixtures("unusable_device")
def test_auto_with_an_unusable_device_warns_once_for_all_models(content, caplog):
    for name in ("m1", "m2"):
        assert open_session(content, name, "auto", 1).get_providers()[0] == CPU
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "no cuDNN" in caplog.text


@pytest.mark.skipif(providers.cuda_devices() > 0, reason="needs a machine without a CUDA device")
def test_a_session_that_fell_back_silently_is_caught_and_standard_output_stays_clean(monkeypatch, content, capfd):
    pretend_devices(monkeypatch, 1)
    with pytest.raises(ProviderError, match="cannot use the CUDA device that is there"):
        open_session(content, "m1", "cuda", 1)
    assert open_session(content, "m1", "auto", 1).get_providers()[0] == CPU
    assert capfd.readouterr().out == ""


def test_cpu_asked_for_never_looks_for_a_device(monkeypatch, content, caplog):
    monkeypatch.setattr(providers, "cuda_devices", lambda: pytest.fail("asked for a device"))
    with caplog.at_level(logging.INFO):
        assert open_session(content, "m1", "cpu", 1).get_providers() == [CPU]
    assert "as asked for" in caplog.text


def test_a_failing_inference_names_model_and_provider(content):
    session = open_session(content, "m1", "cpu", 1)
    with pytest.raises(ProviderError, match=r"model m1: inference on CPUExecutionProvider failed: .*data type"):
        run_session(session, "m1", None, {"patches": np.zeros((1, 2, 8, 7)), "position": np.zeros((1, 2))})


@pytest.mark.gpu
@pytest.mark.parametrize("provider", ["auto", "cuda"])
def test_cuda_gives_what_the_cpu_gives(tmp_path, provider):
    entry = make_folder(tmp_path)
    rng = np.random.default_rng(2)
    arrays = {"patches": rng.standard_normal((700, 2, 8, 8)), "position": rng.standard_normal((700, 2))}
    on_cuda = open_model(entry, tmp_path, provider)
    on_cuda.warm_up()
    assert on_cuda.provider == CUDA
    expected = open_model(entry, tmp_path, "cpu").run(**arrays)["spark_logits"]
    np.testing.assert_allclose(on_cuda.run(**arrays)["spark_logits"], expected, atol=1e-4)
