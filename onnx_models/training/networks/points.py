"""Networks of M1, M2 and the segmentation: a patch classifier and a U-Net, small enough for the scanner's computer.

Both read the evidence maps of one patch, or as many other maps, shape ``(n, channel, 32, 32)``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gadgets.evidence.maps import CHANNELS

N_CHANNELS = len(CHANNELS)
# Along both axes, and two distances from the centre: see `relative_positions`.
N_POSITIONS = 4


def block(n_in: int, n_out: int) -> nn.Sequential:
    """Give a convolution over three by three samples that is normalised and cut off at zero."""
    # No bias: the normalisation behind has one of its own.
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


class PatchClassifier(nn.Module):
    """CNN whose fully connected layers also see the patch's place in k-space.

    Source document: a position encoding component in the fully connected layer (claim 7).
    """

    def __init__(self, width: int = 12, n_channels: int = N_CHANNELS) -> None:
        super().__init__()
        self.features = nn.Sequential(
            block(n_channels, width),
            block(width, width),
            nn.MaxPool2d(2),
            block(width, 2 * width),
            block(2 * width, 2 * width),
            nn.MaxPool2d(2),
            block(2 * width, 4 * width),
        )
        self.position_encoding = nn.Sequential(nn.Linear(N_POSITIONS, 16), nn.ReLU(inplace=True))
        self.head = nn.Sequential(nn.Linear(8 * width + 16, 48), nn.ReLU(inplace=True), nn.Linear(48, 1))

    def forward(self, patches: Tensor, positions: Tensor) -> Tensor:
        """Give one logit per patch, shape ``(n,)``."""
        features = self.features(patches)  # (n, 4 width, 8, 8)
        # A spark is one sample among a thousand: the largest finds it, the mean tells what is usual.
        pooled = torch.cat([features.amax(dim=(2, 3)), features.mean(dim=(2, 3))], dim=1)  # (n, 8 width)
        joined = torch.cat([pooled, self.position_encoding(positions)], dim=1)
        logits: Tensor = self.head(joined).squeeze(1)
        return logits


class PointSegmenter(nn.Module):
    """U-Net that marks the abnormal points of a patch (Ronneberger 2015, doi 10.1007/978-3-319-24574-4_28)."""

    def __init__(self, width: int = 16, n_channels: int = N_CHANNELS) -> None:
        super().__init__()
        self.fine = nn.Sequential(block(n_channels, width), block(width, width))
        self.middle = nn.Sequential(block(width, 2 * width), block(2 * width, 2 * width))
        self.coarse = nn.Sequential(block(2 * width, 3 * width), block(3 * width, 2 * width))
        self.up_middle = nn.Sequential(block(4 * width, 2 * width), block(2 * width, width))
        self.up_fine = nn.Sequential(block(2 * width, width), nn.Conv2d(width, 1, 1))
        self.down = nn.MaxPool2d(2)
        # Nearest: what lies between is left to the convolutions behind.
        self.up = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, patches: Tensor) -> Tensor:
        """Give one logit per sample, shape ``(n, line, sample)``."""
        return self.mark(self.features(patches))

    def features(self, patches: Tensor) -> Tensor:
        """Give what the last layer reads, shape ``(n, width, line, sample)``."""
        return self.decode(*self.encode(patches))

    def encode(self, patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give features of every sample, of every second and of every fourth."""
        fine = self.fine(patches)  # (n, width, 32, 32)
        middle = self.middle(self.down(fine))  # (n, 2 width, 16, 16)
        return fine, middle, self.coarse(self.down(middle))  # (n, 2 width, 8, 8)

    def decode(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> Tensor:
        """Turn what was encoded into what the last layer reads."""
        middle = self.up_middle(torch.cat([middle, self.up(coarse)], dim=1))  # (n, width, 16, 16)
        features: Tensor = self.up_fine[0](torch.cat([fine, self.up(middle)], dim=1))
        return features

    def mark(self, features: Tensor) -> Tensor:
        """Turn features into logits, shape ``(n, line, sample)``."""
        logits: Tensor = self.up_fine[1](features).squeeze(1)
        return logits
