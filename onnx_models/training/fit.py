"""Fitting: plain loops over examples, on the CPU or a GPU, the same weights for the same seed on the same machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from onnx_models.training.examples import Examples
from onnx_models.training.networks import PatchClassifier, PointSegmenter

BATCH = 128
NetworkT = TypeVar("NetworkT", bound=nn.Module)
Progress = Callable[[str, int, int, float], None]
"""Called with the model's name, step, number of steps and loss."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to fit: epochs over the examples, highest learning rate, seed."""

    epochs: float = 4.0
    learning_rate: float = 2e-3
    seed: int = 1


def fit_classifier(examples: Examples, name: str, schedule: Schedule, progress: Progress) -> PatchClassifier:
    """Fit a first classification model, which tells whether a patch holds an abnormal point.

    Patches whose only sparks are too weak to be told are left out.
    """
    torch.manual_seed(schedule.seed)
    target = (examples.masks == 1).any(axis=(1, 2))
    told = np.flatnonzero(target | ~(examples.masks == 2).any(axis=(1, 2)))
    network = PatchClassifier()

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        patches, positions, label = _to(device, examples.patches[rows], examples.positions[rows], target[rows])
        return functional.binary_cross_entropy_with_logits(network(patches, positions), label)

    return _fit(network, told, loss, name, schedule, progress)


def fit_segmenter(examples: Examples, name: str, schedule: Schedule, progress: Progress) -> PointSegmenter:
    """Fit the abnormal point segmentation model, which tells the abnormal samples of a patch from the rest."""
    torch.manual_seed(schedule.seed)
    network = PointSegmenter()

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        patches, masks = _to(device, examples.patches[rows], examples.masks[rows])
        each = functional.binary_cross_entropy_with_logits(network(patches), (masks == 1).float(), reduction="none")
        # Abnormal samples are one in some hundreds; a weight keeps the first epochs from calling everything normal.
        weight = torch.where(masks == 2, 0.0, torch.where(masks == 1, 4.0, 1.0))
        return (each * weight).sum() / (masks != 2).sum() * 50

    return _fit(network, np.arange(len(examples)), loss, name, schedule, progress)


def _fit(
    network: NetworkT,
    rows: NDArray[np.intp],
    loss: Callable[[NDArray[np.intp], torch.device], Tensor],
    name: str,
    schedule: Schedule,
    progress: Progress,
) -> NetworkT:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device, memory_format=torch.channels_last).train()
    n_steps = max(int(schedule.epochs * len(rows) / BATCH), 1)
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.learning_rate, weight_decay=1e-3)
    for step, batch in enumerate(_batches(rows, n_steps, schedule.seed)):
        for group in optimiser.param_groups:
            group["lr"] = schedule.learning_rate * _rate(step / n_steps)
        value = loss(batch, device)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        progress(name, step + 1, n_steps, float(value.detach()))
    network.to(torch.device("cpu"), memory_format=torch.contiguous_format).eval()
    return network


def _batches(rows: NDArray[np.intp], n_steps: int, seed: int) -> Iterator[NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    order = rng.permutation(rows)
    start = 0
    for _ in range(n_steps):
        if start + BATCH > len(order):
            order, start = rng.permutation(rows), 0
        yield np.sort(order[start : start + BATCH])
        start += BATCH


def _rate(done: float) -> float:
    """One warm rise and a cosine fall."""
    return min(1.0, done / 0.1) * 0.5 * (1 + math.cos(math.pi * done)) + 1e-3


def _to(device: torch.device, *arrays: NDArray[np.generic]) -> list[Tensor]:
    return [
        torch.from_numpy(array if array.dtype == np.uint8 else array.astype(np.float32)).to(device) for array in arrays
    ]


def missed_logit(network: nn.Module, examples: Examples, rate: float) -> float:
    """Find the logit that all but `rate` of the patches with sparks exceed.

    Parameters
    ----------
    network
        A first classification model.
    examples
        Not trained on; those without a spark are left out.
    rate
        Share of the patches.
    """
    targets = np.flatnonzero((examples.masks == 1).any(axis=(1, 2)))
    if not targets.size:
        return 0.0
    with torch.no_grad():
        logits = network(*_to(torch.device("cpu"), examples.patches[targets], examples.positions[targets])).numpy()
    return float(np.quantile(logits, rate))
