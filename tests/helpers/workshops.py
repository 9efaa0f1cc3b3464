"""Training in small: examples that are quickly learnt, a workshop for them, and stand-ins of networks. Needs torch."""

from __future__ import annotations

import numpy as np
import torch
from helpers.kspaces import recorded_plane

from gadgets.evidence.maps import CHANNELS, SMALLEST
from onnx_models.model_entry import Training
from onnx_models.training.examples.patches import Examples
from onnx_models.training.networks.calibration import N_FEATURES, Mending
from onnx_models.training.workshop import Recipe, Workshop

TRAINING = Training(data=("made up",), seed=1, command="none")
RAW, LEVEL = CHANNELS.index("raw_whitened"), CHANNELS.index("level")


def silent(*_):
    """Show no progress."""


def make_examples(n=256, seed=0):
    """Every second patch holds one sample that stands out in all maps."""
    rng = np.random.default_rng(seed)
    patches = rng.standard_normal((n, len(CHANNELS), 32, 32)).astype(np.float16) * 0.3
    masks = np.zeros((n, 32, 32), dtype=np.uint8)
    for row in range(0, n, 2):
        line, sample = rng.integers(0, 32, 2)
        patches[row, :, line, sample] += 4
        masks[row, line, sample] = 1
    return Examples(patches, rng.random((n, 4)).astype(np.float32), masks)


def make_workshop(folder, examples=None, epochs=20, **changes):
    """Give a workshop with one recording; ``examples`` are taken instead of being made."""
    recipe = Recipe(n_planes=50, epochs=epochs, seed=1, processes=1)
    recordings = {"one": [recorded_plane(1, 2)]}
    workshop = Workshop(recordings, folder, recipe, TRAINING, {}, silent, silent, **changes)
    if examples is not None:
        workshop.__dict__["examples"] = examples
    return workshop


def make_magnitude_evidence(n=256, seed=0):
    """Evidence of noise on levels that differ from patch to patch; every second patch holds a strong spark."""
    rng = np.random.default_rng(seed)
    patches = np.zeros((n, len(CHANNELS), 32, 32), dtype=np.float16)
    ratio = rng.rayleigh(0.85, (n, 32, 32))
    masks = np.zeros((n, 32, 32), dtype=np.uint8)
    for row in range(0, n, 2):
        line, sample = rng.integers(0, 32, 2)
        ratio[row, line, sample] = rng.uniform(20, 60)
        masks[row, line, sample] = 1
    patches[:, RAW] = np.log(ratio + SMALLEST)
    patches[:, LEVEL] = 0.5 * np.log(rng.uniform(1, 20, (n, 1, 1)))
    positions = rng.uniform(0.2, 1, (n, 4)).astype(np.float32)
    return Examples(patches, positions, masks)


class MarksWhatStandsOut(torch.nn.Module):
    """Stands for the segmentation: a sample is abnormal where its prediction from its neighbours fails."""

    def features(self, patches):
        return patches[:, :1].expand(-1, N_FEATURES, -1, -1) * 0 + patches[:, [CHANNELS.index("residual")]]

    def mark(self, features):
        return 20 * (features[:, 0] - np.log(4)) + 1


def from_background(*_):
    """Mend by what the background predicts."""
    mending = Mending()
    with torch.no_grad():
        mending.choice[-1].weight.zero_()
        mending.choice[-1].bias.copy_(torch.tensor([-9.0, 9.0, -9.0, -9.0]))
    return mending.eval()
