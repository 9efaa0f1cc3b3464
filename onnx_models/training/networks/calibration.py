"""The networks of the calibration models: patches in, calibrated patches out, for any number of receivers.

What the receivers share (evidence) is looked at once. Of a receiver itself only ratios are looked at, and what it gets
is a weighted mean of what it recorded, what is predicted in two ways, and zero: a patch that is turned in phase or
scaled comes out turned or scaled.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from onnx_models.training.networks.points import PointSegmenter

N_FEATURES = 16
"""Of every sample, from the network that marks them."""

GATE_FROM, GATE_TO = 0.02, 0.1
"""Probabilities between which samples begin to be changed: below, a patch keeps what was recorded. All that is ever
worth a second opinion lies above."""

# Three views of a receiver, and how far two of them are apart: see `_own`.
N_OWN = 4
# To take nothing, what the background says, what the neighbours say, or all.
N_CHOICES = 4
# Zeros have no logarithm, and how far below the usual a sample is does not matter.
SMALL = 1e-2


class Mending(nn.Module):
    """Says for each receiver what has to be taken away from its samples."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.shared = nn.Conv2d(N_FEATURES, width, 1)
        self.own = nn.Conv2d(N_OWN, width, 3, padding=1)
        self.choice = nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, N_CHOICES, 1))

    def forward(self, features: Tensor, recorded: Tensor, background: Tensor, neighbours: Tensor) -> Tensor:
        """Give what has to be taken away if a sample is abnormal, shape ``(n, receiver, 2, line, sample)``.

        Parameters
        ----------
        features
            Shape ``(n, feature, line, sample)``.
        recorded, background, neighbours
            What ``fields_of`` of `sample_predictions` gives, shape ``(n, receiver, 2, line, sample)``.
        """
        shape = recorded.shape[:2]
        own = self.own(_own(*(values.flatten(0, 1) for values in (recorded, background, neighbours))))
        # The same for all receivers plus each receiver's own, ``(n, receiver, width, line, sample)``.
        hidden = self.shared(features).unsqueeze(1) + own.unflatten(0, shape)
        # The first choice takes nothing away, the last everything.
        shares = torch.softmax(self.choice(hidden.flatten(0, 1)), dim=1).unflatten(0, shape).unsqueeze(3)
        taken: Tensor = shares[:, :, 1] * background + shares[:, :, 2] * neighbours + shares[:, :, 3] * recorded
        return taken


def _own(recorded: Tensor, background: Tensor, neighbours: Tensor) -> Tensor:
    """Magnitudes of one receiver, and how far its two predictions are apart, shape ``(n, own, line, sample)``."""
    seen = (recorded, background, neighbours, background - neighbours)
    # Magnitudes alone, in logarithms: a turn in phase must not change what is chosen.
    return torch.stack([0.25 * (values.square().sum(dim=1) + SMALL).log() for values in seen], dim=1)


def calibrated(probability: Tensor, recorded: Tensor, taken: Tensor) -> Tensor:
    """Take away from samples that may be abnormal; all others are given as they were recorded."""
    # A ramp, not a step: it is exactly 0 below, so untouched samples come back bit for bit.
    gate = ((probability - GATE_FROM) / (GATE_TO - GATE_FROM)).clamp(0, 1)
    return recorded - gate.unsqueeze(-3).unsqueeze(-3) * taken


class ArtifactCalibrator(nn.Module):
    """A U-Net that gives target patches as they should be; `shift` is the logit that becomes one half."""

    def __init__(self, segmenter: PointSegmenter, mending: Mending, shift: float) -> None:
        super().__init__()
        self.segmenter, self.mending, self.shift = segmenter, mending, shift

    def forward(
        self, patches: Tensor, recorded: Tensor, background: Tensor, neighbours: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Give the probability of each sample, and calibrated patches in the shape of `recorded`."""
        features = self.segmenter.features(patches)
        probability = torch.sigmoid(self.segmenter.mark(features) - self.shift)
        taken = self.mending(features, recorded, background, neighbours)
        return probability, calibrated(probability, recorded, taken)
