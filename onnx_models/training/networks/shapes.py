"""Networks for segments and cuboids: the patch classifier and the U-Net along one axis, or along three."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from onnx_models.training.networks.points import N_CHANNELS

N_DISTANCES = 2
"""The last of a patch's positions: distances of its middle and of its nearest sample from the centre."""

_CONVOLUTION: Mapping[int, type[nn.Conv1d | nn.Conv3d]] = {1: nn.Conv1d, 3: nn.Conv3d}
_NORM: Mapping[int, type[nn.BatchNorm1d | nn.BatchNorm3d]] = {1: nn.BatchNorm1d, 3: nn.BatchNorm3d}
_POOL: Mapping[int, type[nn.MaxPool1d | nn.MaxPool3d]] = {1: nn.MaxPool1d, 3: nn.MaxPool3d}
# Wider along one axis, where three samples would see next to nothing of the surroundings.
KERNEL: Mapping[int, int] = {1: 5, 3: 3}


def _block(n_axes: int, n_in: int, n_out: int) -> nn.Sequential:
    convolution = _CONVOLUTION[n_axes](n_in, n_out, KERNEL[n_axes], padding=KERNEL[n_axes] // 2, bias=False)
    return nn.Sequential(convolution, _NORM[n_axes](n_out), nn.ReLU(inplace=True))


def _along(patches: Tensor, n_axes: int) -> Tensor:
    """Leave out the axis of lines, which is one, of segments ``(n, channel, 1, sample)``."""
    return patches.squeeze(2) if n_axes == 1 else patches


class ShapedClassifier(nn.Module):
    """CNN whose fully connected layers also see how far the patch is from the centre (claim 7)."""

    def __init__(self, n_axes: int, width: int = 10) -> None:
        super().__init__()
        self.n_axes = n_axes
        self.features = nn.Sequential(
            _block(n_axes, N_CHANNELS, width),
            _POOL[n_axes](2),
            _block(n_axes, width, 2 * width),
            _POOL[n_axes](2),
            _block(n_axes, 2 * width, 3 * width),
        )
        self.position_encoding = nn.Sequential(nn.Linear(N_DISTANCES, 8), nn.ReLU(inplace=True))
        self.head = nn.Sequential(nn.Linear(3 * width + 8, 32), nn.ReLU(inplace=True), nn.Linear(32, 1))

    def forward(self, patches: Tensor, positions: Tensor) -> Tensor:
        """Give one logit per patch, shape ``(n,)``."""
        features = self.features(_along(patches, self.n_axes))
        # The largest alone: a mean would depend on how large the patch is.
        pooled = features.amax(dim=tuple(range(2, 2 + self.n_axes)))
        # Distances alone, as their number is the same for any number of axes.
        joined = torch.cat([pooled, self.position_encoding(positions[:, -N_DISTANCES:])], dim=1)
        logits: Tensor = self.head(joined).squeeze(1)
        return logits


class ShapedSegmenter(nn.Module):
    """U-Net that marks the abnormal points of a segment or a cuboid."""

    def __init__(self, n_axes: int, width: int = 10) -> None:
        super().__init__()
        self.n_axes = n_axes
        self.fine = nn.Sequential(_block(n_axes, N_CHANNELS, width), _block(n_axes, width, width))
        self.coarse = nn.Sequential(_block(n_axes, width, 2 * width), _block(n_axes, 2 * width, width))
        self.up_fine = nn.Sequential(_block(n_axes, 2 * width, width), _CONVOLUTION[n_axes](width, 1, 1))
        self.down = _POOL[n_axes](2)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, patches: Tensor) -> Tensor:
        """Give one logit per sample, shape ``(n, sample)`` or ``(n, plane, line, sample)``."""
        fine = self.fine(_along(patches, self.n_axes))
        coarse = self.coarse(self.down(fine))
        logits: Tensor = self.up_fine(torch.cat([fine, self.up(coarse)], dim=1)).squeeze(1)
        return logits
