"""The value assignment model: what the samples of a burst should be, learnt from clean samples that were withheld.

Source document: a value assignment model gives the abnormal points their values. Sparks are put into clean planes,
the points where they stand out are repaired by the functions that run at the scanner up to the network, and what is
still missing then is what it learns. Errors are counted in units of the usual error of the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gadgets.bursts import Burst, group_bursts, surround
from gadgets.kspace import BoolArray, ComplexArray, Indices, KSpace
from gadgets.local_statistics import noise_level
from gadgets.predictor import Predictor
from gadgets.records import Point
from gadgets.value_assignment import N_CHANNELS, PAIRS, WINDOW, WINDOW_SET
from onnx_models.training.examples import from_planes
from onnx_models.training.export import Facts
from onnx_models.training.fit import to_tensors
from onnx_models.training.sparks import add_sparks
from onnx_models.training.workshop import Workshop

PLANES_SHARE = 0.15
"""Planes of this model's own examples, as a share of the recipe's: a plane gives some dozen windows."""

MOST_COILS, MOST_RECEIVERS = 8, 3
SEEN = 3.0
"""Noise levels that a spark must stand above for its sample to be flagged in a receiver."""

N_PAIRS = len(PAIRS)
STAY = 3.0
FAR = 8.0


@dataclass(frozen=True, eq=False)
class WindowExamples:
    """Windows and what was to be added.

    Attributes
    ----------
    windows
        See :class:`gadgets.value_assignment.Windows`, shape ``(n, channel, line, sample)``, float16.
    missed
        Truth minus fill in units of the usual error, real and imaginary part, shape ``(n, 2, line, sample)``;
        counts where the window says wanted.
    """

    windows: NDArray[np.float16]
    missed: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.windows)


def train_value_assignment(workshop: Workshop) -> None:
    """Train and install the value assignment model."""
    recipe = workshop.recipe
    n_planes = max(int(PLANES_SHARE * recipe.n_planes), 50)
    examples = joined(from_planes(workshop.recordings, n_planes, recipe.seed, recipe.processes, plane_windows))
    workshop.log(f"value_assignment: fitting to {len(examples)} windows")
    network = ValueAssigner()

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        windows, missed = to_tensors(device, examples.windows[rows], examples.missed[rows])
        return value_loss(network(windows), missed, windows[:, 2 * N_PAIRS])

    workshop.fit(network, np.arange(len(examples)), loss, "value_assignment", epochs=2 * recipe.epochs)
    facts = Facts(
        "value_assignment", "value_assignment", "all", "unet", WINDOW, WINDOW_SET, intended_use=USE, limits=LIMITS
    )
    workshop.install(network, {"windows": torch.randn((5, N_CHANNELS, *WINDOW))}, ("correction",), facts)


USE = (
    "Giving the samples of a spark artifact, already found, the values that belong there, in MRI k-space as acquired. "
    "Research only: not a medical device."
)

LIMITS = (
    "It corrects an interpolation by the image's background and is no better than that where nothing around a burst "
    "tells more. Its errors are not known point by point. Non-Cartesian data were not trained on."
)


def value_loss(correction: Tensor, missed: Tensor, wanted: Tensor) -> Tensor:
    """Mean distance from what was missed, over the wanted samples; large ones count by their share."""
    size = missed.square().sum(dim=1).sqrt()
    distance = ((correction - missed).square().sum(dim=1) + 1e-4).sqrt()
    return (wanted * distance / (1 + size / FAR)).sum() / wanted.sum().clamp(min=1)


class ValueAssigner(nn.Module):
    """U-Net that weighs what partners, neighbours and silence say of each sample, and adds what it sees itself.

    The complex channels span several orders of magnitude: it looks at the logarithm of their size, in their phase.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        n_in = N_CHANNELS + N_PAIRS
        self.fine = nn.Sequential(_block(n_in, width), _block(width, width))
        self.coarse = nn.Sequential(_block(width, 2 * width), _block(2 * width, 2 * width))
        self.coarsest = nn.Sequential(_block(2 * width, 2 * width), _block(2 * width, 2 * width))
        self.up_coarse = _block(4 * width, 2 * width)
        self.up_fine = _block(3 * width, width)
        self.head = nn.Conv2d(width, 6, 1)
        self.down = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        # It begins as interpolation: nobody else is believed, and nothing added.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.bias[0] = STAY

    def forward(self, windows: Tensor) -> Tensor:
        """Give what is to be added to the fill, shape ``(n, 2, line, sample)``."""
        pairs = windows[:, : 2 * N_PAIRS].unflatten(1, (N_PAIRS, 2))  # (n, 4, 2, line, sample)
        size = (pairs.square().sum(dim=2, keepdim=True) + 1e-6).sqrt()
        seen = (pairs * (torch.log1p(size) / size)).flatten(1, 2)
        masks = torch.log1p(windows[:, 2 * N_PAIRS :])
        fine = self.fine(torch.cat([seen, torch.log1p(size).squeeze(2), masks], dim=1))
        coarse = self.coarse(self.down(fine))
        coarsest = self.coarsest(self.down(coarse))
        coarse = self.up_coarse(torch.cat([coarse, self.up(coarsest)], dim=1))
        said = self.head(self.up_fine(torch.cat([fine, self.up(coarse)], dim=1)))
        belief = torch.softmax(said[:, :4], dim=1)[:, 1:].unsqueeze(2)  # (n, 3, 1, line, sample)
        others = torch.stack([pairs[:, 2], pairs[:, 3], -pairs[:, 0]], dim=1)  # partner, neighbours, nothing
        far = (others.square().sum(dim=2, keepdim=True) + 1e-6).sqrt() / FAR
        correction: Tensor = (belief * others * torch.tanh(far) / far).sum(dim=1) + said[:, 4:]
        return correction


def _block(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


def joined(parts: Sequence[WindowExamples]) -> WindowExamples:
    """Join examples into one set."""
    return WindowExamples(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(WindowExamples)}
    )


def plane_windows(plane: ComplexArray, rng: np.random.Generator) -> WindowExamples:
    """Put sparks into one clean plane, shape ``(coil, line, sample)``, and cut windows around their points."""
    if len(plane) > MOST_COILS:
        plane = plane[rng.choice(len(plane), MOST_COILS, replace=False)]
    acquired = _acquired(plane.shape[1], rng)
    plane = np.where(acquired[None, :, None], plane, 0).astype(np.complex64)
    data = _crowded(plane, rng) if rng.random() < 0.4 else add_sparks(plane, rng, int(rng.integers(1, 9))).data
    data = np.where(acquired[None, :, None], data, 0)
    kspace = _kspace_of(data, acquired)
    points = _points(data, plane)
    around = surround(kspace, points)
    bursts = group_bursts(kspace, points, range(len(points)))
    predictor = Predictor(around, bursts)
    parts = [_burst_windows(predictor, burst, plane, rng) for burst in bursts]
    return joined([*parts, _none()])


def _none() -> WindowExamples:
    return WindowExamples(np.zeros((0, N_CHANNELS, *WINDOW), np.float16), np.zeros((0, 2, *WINDOW), np.float16))


def _burst_windows(predictor: Predictor, burst: Burst, plane: ComplexArray, rng: np.random.Generator) -> WindowExamples:
    support = predictor.support(burst)
    windows = predictor.windows(burst, support)
    truth = plane[burst.receivers, burst.line, burst.start : burst.stop]
    missed = (truth - support.values) / windows.unit[:, None]
    missing = burst.of(predictor.around.missing)
    target = np.zeros((len(burst.receivers), 2, *WINDOW), np.float32)
    target[windows.here] = np.where(missing[:, None], np.stack([missed.real, missed.imag], axis=1), 0)
    chosen = rng.permutation(len(burst.receivers))[:MOST_RECEIVERS]
    limit = float(np.finfo(np.float16).max)
    halves = [np.clip(each[chosen], -limit, limit).astype(np.float16) for each in (windows.values, target)]
    return WindowExamples(*halves)


def _acquired(n_lines: int, rng: np.random.Generator) -> BoolArray:
    """Leave out lines of one plane in eight, every second or third outside a full centre."""
    acquired = np.ones(n_lines, bool)
    if rng.random() < 0.12 and n_lines >= 64:
        acquired = np.arange(n_lines) % int(rng.integers(2, 4)) == 0
        acquired |= np.abs(np.arange(n_lines) - n_lines // 2) < int(rng.integers(6, 17))
    return acquired


def _crowded(plane: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Put several short bursts near the strongest sample, where they hide each other's surroundings."""
    n_coils, n_lines, n_samples = plane.shape
    magnitude = np.sqrt(np.mean(np.abs(plane) ** 2, axis=0))
    centre = np.unravel_index(int(np.argmax(magnitude)), magnitude.shape)
    reach = rng.uniform(0.02, 0.12)
    data = plane.copy()
    for _ in range(int(rng.integers(1, 9))):
        length = int(rng.integers(1, 7))
        line = int(np.clip(centre[0] + rng.uniform(-reach, reach) * n_lines / 2, 0, n_lines - 1))
        start = int(
            np.clip(centre[1] + rng.uniform(-reach, reach) * n_samples / 2 - length // 2, 0, n_samples - length)
        )
        hit = np.ones(n_coils, bool) if rng.random() < 0.7 else np.arange(n_coils) == rng.integers(n_coils)
        size = noise_level(magnitude) * np.sqrt(magnitude.size) * np.exp(rng.uniform(np.log(0.1), np.log(4)))
        burst = rng.standard_normal((n_coils, length)) + 1j * rng.standard_normal((n_coils, length))
        data[:, line, start : start + length] += size * hit[:, None] * burst
    return data


def _points(data: ComplexArray, clean: ComplexArray) -> list[Point]:
    """Flag what stands above the noise, in the receivers where it does."""
    noise = noise_level(np.sqrt(np.mean(np.abs(clean) ** 2, axis=0)))
    hit = np.abs(data - clean) > SEEN * max(noise, 1e-30)
    return [
        Point(
            partition=0,
            line=int(line),
            sample=int(sample),
            receivers=tuple(int(each) for each in np.flatnonzero(hit[:, line, sample])),
            probability=1,
            scan_counter=0,
            time_stamp=0,
        )
        for line, sample in np.argwhere(hit.any(axis=0))
    ]


def _kspace_of(plane: ComplexArray, acquired: BoolArray) -> KSpace:
    n_lines, n_samples = plane.shape[1:]
    return KSpace(
        data=plane[:, None],
        sampled=np.broadcast_to(acquired[None, :, None], (1, n_lines, n_samples)).copy(),
        indices=Indices(),
        scan_counter=np.zeros((1, n_lines), int),
        time_stamp=np.zeros((1, n_lines), int),
        reversed_lines=np.zeros((1, n_lines), bool),
        centre=(0, n_lines // 2, n_samples // 2),
    )
