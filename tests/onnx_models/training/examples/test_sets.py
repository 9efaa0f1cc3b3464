"""Examples of position-related sets of patches: training needs torch; without it these tests skip."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from helpers.kspaces import recorded_plane
from helpers.workshops import make_examples

from gadgets.patch_models.patch_sets import NONE
from onnx_models.training.examples.sets import joined_sets, make_set_examples, singles


@pytest.fixture(scope="module")
def sets():
    return make_set_examples({"one": [recorded_plane(1)]}, 50, seed=2, processes=1)


def test_sets_of_all_kinds_are_cut_from_whole_planes(sets):
    lengths = (sets.sets != NONE).sum(axis=1)
    assert {1, 2, 3} < set(lengths)
    assert lengths.max() > 3
    assert set(np.unique(sets.sets[sets.sets != NONE])) == set(range(len(sets.examples)))
    assert set(np.unique(sets.labels)) == {0, 1, 2}
    assert sets.examples.patches.dtype == np.float16


def test_joined_sets_mean_the_same_patches(sets):
    examples = make_examples(8)
    both = joined_sets([singles(examples), sets])
    assert both.sets[:8, 0].tolist() == list(range(8))
    row = int(np.argmax((sets.sets != NONE).sum(axis=1)))
    there = both.sets[8 + row][: sets.sets.shape[1]]
    assert np.array_equal(both.examples.masks[there], sets.examples.masks[sets.sets[row]])
