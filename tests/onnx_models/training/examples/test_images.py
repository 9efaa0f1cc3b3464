"""Examples of blocks of images: training needs torch; without it these tests skip."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from gadgets.image_check.artifact import BLOCK
from onnx_models.training.examples.images import ARTIFACT, CLEAN, FAINT, make_image_examples


def test_examples_are_blocks_of_clean_and_of_sparked_images_and_the_same_for_the_same_seed():
    first, second = (make_image_examples({}, 5, seed=3, processes=1) for _ in range(2))
    np.testing.assert_array_equal(first.blocks, second.blocks)
    assert first.blocks.shape == (15, *BLOCK)
    assert set(np.unique(first.labels)) <= {CLEAN, ARTIFACT, FAINT}
    assert (first.labels[::3] == CLEAN).all()
    assert (first.labels == ARTIFACT).sum() > 2
