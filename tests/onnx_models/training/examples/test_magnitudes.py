"""Examples of magnitudes: training needs torch; without it these tests skip."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from helpers.workshops import make_magnitude_evidence

from onnx_models.training.examples.magnitudes import magnitudes_from


def test_examples_of_magnitudes_come_in_all_normalisations():
    examples = make_magnitude_evidence()
    made = magnitudes_from(examples, seed=3)
    assert made.patches.shape == (256, 1, 32, 32)
    assert np.isfinite(made.patches).all()
    least, most = made.patches.min(axis=(1, 2, 3)), made.patches.max(axis=(1, 2, 3))
    assert 0.1 < (least < 0).mean() < 0.4  # z-scores
    assert (most == 1).any()
    assert (most > 100).any()
    assert np.array_equal(made.patches, magnitudes_from(examples, seed=3).patches)
