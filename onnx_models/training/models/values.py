"""The value assignment model: what the samples of a burst should be, learnt from sparks in clean planes.

Source document: a value assignment model gives the abnormal points their values. Sparks are put into clean planes,
their points are repaired by the functions that run at the scanner up to the network, and what is still missing
then is what it learns. Errors are counted in units of the usual error of the place.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gadgets.repair.network.windows import N_CHANNELS, PAIRS, WINDOW, WINDOW_SET
from onnx_models.training.examples.planes import from_planes
from onnx_models.training.examples.windows import joined, plane_windows
from onnx_models.training.export import Facts
from onnx_models.training.fit import to_tensors
from onnx_models.training.networks.points import block
from onnx_models.training.workshop import Workshop

PLANES_SHARE, MOST_PLANES = 0.06, 500
"""Planes of this model's own examples, as a share of the recipe's, and at most: a plane gives some thirty windows."""

N_PAIRS = len(PAIRS)
# Logit by which the fill leads before anything is learnt: of six opinions it has four fifths of the belief.
STAY = 3.0
FAR = 8.0
"""Usual errors: what others say is believed up to this distance from the fill."""

INTENDED_USE = (
    "Giving the samples of a spark artifact, already found, the values that belong there, in MRI k-space as acquired. "
    "Research only: not a medical device."
)

LIMITS = (
    "It corrects an interpolation by the image's background and is no better than that where nothing around a burst "
    "tells more. Non-Cartesian data were not trained on."
)


def train_value_assignment(workshop: Workshop) -> None:
    """Train and install the value assignment model."""
    recipe = workshop.recipe
    n_planes = min(int(PLANES_SHARE * recipe.n_planes), MOST_PLANES)
    watch = workshop.watch("making windows")
    examples = joined(
        from_planes(workshop.recordings, n_planes, recipe.seed, recipe.processes, plane_windows, on_task=watch)
    )
    workshop.log(f"value_assignment: fitting to {len(examples)} windows")
    network = ValueAssigner()

    def loss(rows: NDArray[np.intp], device: torch.device) -> Tensor:
        windows, missed = to_tensors(device, examples.windows[rows], examples.missed[rows])
        return value_loss(network(windows), missed, windows[:, 2 * N_PAIRS])

    workshop.fit(network, np.arange(len(examples)), loss, "value_assignment", epochs=2 * recipe.epochs)
    facts = Facts("value_assignment", "value_assignment", "all", "unet", WINDOW, WINDOW_SET, INTENDED_USE, LIMITS)
    workshop.install(network, {"windows": torch.rand((5, N_CHANNELS, *WINDOW))}, ("correction",), facts)


def value_loss(correction: Tensor, missed: Tensor, wanted: Tensor) -> Tensor:
    """Mean distance from what was missed, over the wanted samples; beyond :data:`FAR` it counts by its share."""
    size = missed.square().sum(dim=1).sqrt()
    # A distance and not its square: a few windows that nobody can tell would outweigh all others.
    distance = ((correction - missed).square().sum(dim=1) + 1e-4).sqrt()  # a root has no slope at zero
    return (wanted * distance / (1 + size / FAR)).sum() / wanted.sum().clamp(min=1)


class ValueAssigner(nn.Module):
    """U-Net that weighs what partners, neighbours, record and silence say of each sample, and adds what it sees.

    The complex channels span several orders of magnitude: it looks at the logarithm of their size, in their phase.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.fine = nn.Sequential(block(N_CHANNELS + N_PAIRS, width), block(width, width))
        self.coarse = nn.Sequential(block(width, 2 * width), block(2 * width, 2 * width))
        self.coarsest = nn.Sequential(block(2 * width, 2 * width), block(2 * width, 2 * width))
        self.up_coarse = block(4 * width, width)
        self.up_fine = block(2 * width, width)
        self.head = nn.Conv2d(width, N_PAIRS + 2, 1)
        self.down = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        # It begins near interpolation: others are hardly believed, and nothing is added.
        nn.init.zeros_(self.head.weight)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([STAY] + [0.0] * (N_PAIRS + 1)))

    def forward(self, windows: Tensor) -> Tensor:
        """Give what is to be added to the fill, shape ``(n, 2, line, sample)``."""
        # Real and imaginary part are one number: both are scaled alike, so that its phase is kept.
        pairs = windows[:, : 2 * N_PAIRS].unflatten(1, (N_PAIRS, 2))  # (n, pair, 2, line, sample)
        size = (pairs.square().sum(dim=2, keepdim=True) + 1e-6).sqrt()
        seen = (pairs * (torch.log1p(size) / size)).flatten(1, 2)
        maps = torch.log1p(windows[:, 2 * N_PAIRS :].clamp(min=0))
        fine = self.fine(torch.cat([seen, torch.log1p(size).squeeze(2), maps], dim=1))
        coarse = self.coarse(self.down(fine))
        coarsest = self.coarsest(self.down(coarse))
        coarse = self.up_coarse(torch.cat([coarse, self.up(coarsest)], dim=1))
        said = self.head(self.up_fine(torch.cat([fine, self.up(coarse)], dim=1)))
        belief = torch.softmax(said[:, :N_PAIRS], dim=1)[:, 1:].unsqueeze(2)  # (n, other, 1, line, sample)
        others = torch.cat([pairs[:, 2:], -pairs[:, :1]], dim=1)  # …, and nothing at all
        far = (others.square().sum(dim=2, keepdim=True) + 1e-6).sqrt() / FAR
        # Bounded: an opinion that is very far from the fill must not move it by all of that.
        correction: Tensor = (belief * others * torch.tanh(far) / far).sum(dim=1) + said[:, N_PAIRS:]
        return correction
