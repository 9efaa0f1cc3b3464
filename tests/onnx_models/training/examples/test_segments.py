"""Examples of segments of readouts: training needs torch; without it these tests skip."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from helpers.workshops import make_examples

from gadgets.evidence.maps import CHANNELS, RADIUS_SCALE
from onnx_models.training.examples.segments import few_lines, rows_of


def test_readouts_of_patches_are_segments_with_their_own_distances():
    whole = make_examples(64)
    radius = np.linspace(0, 2, 32 * 32).reshape(32, 32)
    whole.patches[:, CHANNELS.index("radius")] = radius
    segments = rows_of(whole, 60, seed=1)
    assert segments.patches.shape[1:] == (12, 1, 32)
    assert segments.masks.shape[1:] == (1, 32)
    assert 10 <= (segments.masks == 1).any(axis=(1, 2)).sum() < len(segments)
    nearest = segments.patches[:, CHANNELS.index("radius"), 0].min(axis=1) / RADIUS_SCALE
    assert segments.positions[:, -1] == pytest.approx(nearest.astype(np.float32), abs=1e-3)


def test_stacks_of_few_readouts_give_labelled_segments():
    rng = np.random.default_rng(3)
    plane = rng.standard_normal((2, 64, 90)).astype(np.complex64)
    made = [few_lines(plane, rng) for _ in range(4)]
    assert {examples.patches.shape[1:] for examples in made} == {(12, 1, 32)}
    assert any((examples.masks == 1).any() for examples in made)
