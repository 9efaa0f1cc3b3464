"""Fitting: one plain loop over examples, the same weights for the same seed on the same machine."""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from onnx_models.errors import ModelError
from onnx_models.reading import open_regular

BATCH = 128
SAVED_EVERY = 100
"""Steps after which an interrupted fit can go on."""

_DAMAGED = (OSError, EOFError, RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError)
"""What torch raises on a file that it has not written, or not whole."""

NetworkT = TypeVar("NetworkT", bound=nn.Module)
Loss = Callable[[NDArray[np.intp], torch.device], Tensor]
"""From the rows of a batch, and where to put them, to what is to become small."""

Progress = Callable[[str, int, int, float], None]
"""Called with the model's name, step, number of steps and loss; not a number where examples are made."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to fit: epochs over the examples, highest learning rate, rows per step, seed."""

    epochs: float = 4.0
    learning_rate: float = 2e-3
    seed: int = 1
    batch: int = BATCH


def fit(
    network: NetworkT,
    rows: NDArray[np.intp],
    loss: Loss,
    name: str,
    schedule: Schedule,
    progress: Progress,
    checkpoint: Path | None = None,
) -> NetworkT:
    """Fit a network to examples.

    Parameters
    ----------
    network
        Freshly made; it is changed in place.
    rows
        Numbers of the examples to fit to.
    loss
        Computed with `network` on a batch of them.
    name
        Of the model, for `progress`.
    checkpoint
        File that a fit leaves behind, from which an interrupted one goes on and a finished one is given again.

    Raises
    ------
    ModelError
        The loss is no number any more.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # Convolutions are usually fastest with the channels last; for three axes that layout has a name of its own.
    is_3d = any(values.ndim == 5 for values in network.parameters())
    network.to(device, memory_format=torch.channels_last_3d if is_3d else torch.channels_last).train()
    n_steps = max(int(schedule.epochs * len(rows) / schedule.batch), 1)
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.learning_rate, weight_decay=1e-3)
    done = _resume(checkpoint, network, optimiser, n_steps, device)
    for step, batch in enumerate(_batches(rows, n_steps, schedule)):
        # The batches are drawn all the same, so a fit that goes on sees those that it would have seen.
        if step < done:
            continue
        for group in optimiser.param_groups:
            group["lr"] = schedule.learning_rate * _rate(step / n_steps)
        value = loss(batch, device)
        if not math.isfinite(found := float(value.detach())):
            raise ModelError(f"{name}: expected a loss that is a number, found {found} in step {step + 1} of {n_steps}")
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        # A single batch of odd examples must not throw the weights far off.
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        progress(name, step + 1, n_steps, found)
        if checkpoint is not None and ((step + 1) % SAVED_EVERY == 0 or step + 1 == n_steps):
            _save(checkpoint, network, optimiser, step + 1, n_steps)
    # Export and comparison run on the CPU, wherever the fit ran.
    network.to(torch.device("cpu"), memory_format=torch.contiguous_format).eval()
    return network


def _save(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, step: int, n_steps: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "n_steps": n_steps}
    # In memory first: on a full disk torch itself says nothing of the disk.
    content = io.BytesIO()
    torch.save(state, content)
    temporary.unlink(missing_ok=True)
    temporary.write_bytes(content.getbuffer())
    # Whole or not at all: the fit may be broken off at this very moment.
    temporary.replace(path)


def _resume(
    path: Path | None, network: nn.Module, optimiser: torch.optim.Optimizer, n_steps: int, device: torch.device
) -> int:
    """Take up what an interrupted fit left; give the number of its steps, 0 where it left nothing that fits."""
    if path is None:
        return 0
    fresh = deepcopy((network.state_dict(), optimiser.state_dict()))
    try:
        with open_regular(path) as file:
            # Weights only: a file of this kind can otherwise run any code.
            state = torch.load(file, map_location=device, weights_only=True)
        # Other examples or another schedule: its learning rate would be at another point of its way.
        if state["n_steps"] != n_steps:
            return 0
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])
    except (*_DAMAGED, pickle.UnpicklingError):
        # Some of it may have been taken over.
        network.load_state_dict(fresh[0])
        optimiser.load_state_dict(fresh[1])
        return 0


def _batches(rows: NDArray[np.intp], n_steps: int, schedule: Schedule) -> Iterator[NDArray[np.intp]]:
    rng = np.random.default_rng(schedule.seed)
    order = rng.permutation(rows)
    start = 0
    for _ in range(n_steps):
        if start + schedule.batch > len(order):
            order, start = rng.permutation(rows), 0
        # Sorted, as rows are copied fastest in the order of memory; which rows come together is still chance.
        yield np.sort(order[start : start + schedule.batch])
        start += schedule.batch


def _rate(done: float) -> float:
    """One warm rise and a cosine fall."""
    return min(1.0, done / 0.1) * 0.5 * (1 + math.cos(math.pi * done)) + 1e-3


def to_tensors(device: torch.device, *arrays: NDArray[np.generic]) -> list[Tensor]:
    """Put arrays where they are computed with, as single precision; masks (uint8) stay as they are."""
    return [
        torch.from_numpy(array if array.dtype == np.uint8 else array.astype(np.float32)).to(device) for array in arrays
    ]
