"""On what does a model run? Opening a session, and telling the truth about where it runs."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import logging
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnx_models.errors import ModelError, ProviderError
from onnx_models.runtime import onnx_runtime
from onnx_models.time_limit import limited

if TYPE_CHECKING:
    import onnxruntime

Provider = Literal["auto", "cuda", "cpu"]

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"

# HEURISTIC: the default tries every algorithm anew for each batch size, seconds before the first result.
# No TF32: its 10-bit mantissa would let the same patch be judged differently on a GPU and on a CPU.
CUDA_OPTIONS: Mapping[str, str] = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}

logger = logging.getLogger(__name__)
_preloading = threading.Lock()


# Stands for an axis that may vary (not the batch) when a session is tried or warmed up.
_EXAMPLE_LENGTH = 32

DTYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


def open_session(content: bytes, name: str, provider: Provider, threads: int) -> onnxruntime.InferenceSession:
    """Open a model where it was asked to run, and log once where that is.

    Parameters
    ----------
    content
        The bytes of the ``.onnx`` file.
    name
        The model's name, for messages.
    provider
        ``cuda`` or ``cpu``; ``auto`` is CUDA where a session really runs there, else the CPU.
    threads
        Threads of one inference on the CPU.

    Raises
    ------
    ModelError
        The file is not a model that can be opened.
    ProviderError
        ``cuda`` was asked for, and no session runs there.
    """
    if provider == "cpu":
        session = _session(content, name, CPU, threads)
        return _announced(session, logging.INFO, "as asked for")
    if cuda_devices() == 0:
        level, reason = logging.INFO, "no CUDA device was found"
    else:
        session, reason = _try_cuda(content, name, threads)
        if session is not None:
            return _announced(session, logging.INFO, "a CUDA device is present")
        level = logging.WARNING
    if provider == "cuda":
        raise ProviderError(f"model {name}: expected to run on {CUDA} (provider=cuda), but {reason}")
    return _announced(_session(content, name, CPU, threads), level, reason)


def cuda_devices() -> int:
    """Count the CUDA devices that the driver offers to this process.

    The driver is asked itself: onnxruntime lists CUDA as available on machines without any GPU.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    # A driver without a device, or hidden by CUDA_VISIBLE_DEVICES, fails here.
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def _try_cuda(content: bytes, name: str, threads: int) -> tuple[onnxruntime.InferenceSession | None, str]:
    complaint = _preload_cuda_libraries()
    found = f"onnxruntime {onnx_runtime().__version__} cannot use the CUDA device that is there"
    try:
        session = _session(content, name, CUDA, threads)
        if session.get_providers()[0] != CUDA:
            return None, f"{found} ({complaint or f'the session opened on {session.get_providers()[0]}'})"
        # A session that opens may still lack a kernel for this device, or memory: only a run proves it.
        run_session(session, name, None, example_inputs(session, 1))
    except (ModelError, ProviderError) as error:
        return None, f"{found} ({str(error).removeprefix(f'model {name}: ')})"
    return session, ""


def _preload_cuda_libraries() -> str:
    """Load the CUDA libraries that pip installed; returns the complaint about those that are missing.

    onnxruntime prints to standard output here, which may be the stream of images: it is caught.
    """
    with _preloading, contextlib.redirect_stdout(io.StringIO()) as printed:
        onnx_runtime().preload_dlls()
    return printed.getvalue().partition("\n")[0].strip()


def _session(content: bytes, name: str, provider: str, threads: int) -> onnxruntime.InferenceSession:
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Operators one after the other: k-spaces and batches are what is shared out among cores.
    options.inter_op_num_threads = 1
    # A spinning thread would take a core from the other nodes of the chain between two k-spaces.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights in files beside the model were never verified, and would be taken from the working directory.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    # Its warnings would go to the node's own output; what ends a model comes as an exception.
    options.log_severity_level = 4
    onnxruntime.set_default_logger_severity(4)
    # Behind CUDA stands the CPU, for operators that CUDA has no kernel of.
    providers: list[Any] = [CPU] if provider == CPU else [(CUDA, dict(CUDA_OPTIONS)), CPU]
    try:
        # No fallback: the package would go on elsewhere without an error, and say so on standard output only.
        return onnxruntime.InferenceSession(content, options, providers=providers, enable_fallback=0)
    except Exception as error:
        raise ModelError(f"model {name}: cannot be opened: {_one_line(error)}") from error


def run_session(
    session: onnxruntime.InferenceSession, name: str, outputs: list[str] | None, inputs: Mapping[str, NDArray[Any]]
) -> list[NDArray[Any]]:
    """Run a session once, for the outputs named (None: all).

    Raises
    ------
    ProviderError
        The inference failed: the device was lost, its memory is exhausted, or it does not come to an end.
    """
    try:
        with limited() as options:
            results: list[NDArray[Any]] = session.run(outputs, dict(inputs), options)
    except Exception as error:
        provider = session.get_providers()[0]
        raise ProviderError(f"model {name}: inference on {provider} failed: {_one_line(error)}") from error
    return results


def example_inputs(session: onnxruntime.InferenceSession, n_rows: int) -> dict[str, NDArray[Any]]:
    """Zeros of the shapes that a session takes, ``n_rows`` along the first axis."""
    inputs = session.get_inputs()
    return {
        value.name: np.zeros(
            (n_rows, *(axis if isinstance(axis, int) else _EXAMPLE_LENGTH for axis in value.shape[1:])),
            dtype=DTYPES.get(value.type, np.float32),
        )
        for value in inputs
    }


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _announced(session: onnxruntime.InferenceSession, level: int, reason: str) -> onnxruntime.InferenceSession:
    _log_once(level, session.get_providers()[0], reason)
    return session


@functools.cache
def _log_once(level: int, provider: str, reason: str) -> None:
    logger.log(level, "models run on %s (onnxruntime %s): %s", provider, onnx_runtime().__version__, reason)
