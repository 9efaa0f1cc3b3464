import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadgets.patch_models.abnormal_points import merge, positions_of
from gadgets.patches.cutting import CutLater, cut, divide, place, relative_positions


def naive_starts(n_samples, size):
    """Walk along one axis as FIG. 6 does: step by the size, move the last patch inwards."""
    starts = []
    start = 0
    while start + size < n_samples:
        starts.append(start)
        start += size
    starts.append(max(n_samples - size, 0))
    return starts


def test_the_documents_example_has_448_patches():
    anchors = divide((426, 1024), (32, 32))
    assert len(anchors) == 448
    assert anchors[:, 0].max() == 426 - 32
    assert sorted(set(np.diff(sorted(set(anchors[:, 0]))))) == [10, 32]


def test_a_point_is_its_patchs_anchor_plus_row_and_column():
    mask = np.zeros((32, 32), dtype=bool)
    mask[14, [14, 15, 16, 18, 19]] = True
    expected = [[270, 78], [270, 79], [270, 80], [270, 82], [270, 83]]
    assert positions_of(mask, (256, 64)).tolist() == expected


@given(st.lists(st.integers(1, 70), min_size=1, max_size=3), st.integers(1, 20))
def test_anchors_are_those_of_a_walk_along_each_axis(shape, size):
    anchors = divide(shape, [size] * len(shape))
    for axis, n_samples in enumerate(shape):
        assert sorted(set(anchors[:, axis])) == sorted(set(naive_starts(n_samples, size)))


@given(st.integers(1, 50), st.integers(1, 50), st.integers(2, 16), st.integers(0, 2**32 - 1))
def test_cutting_and_placing_is_the_identity(n_lines, n_samples, size, seed):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((2, n_lines, n_samples))
    anchors = divide((n_lines, n_samples), (size, size), overlap=int(rng.integers(0, size)))
    patches = cut(values, anchors, (size, size))
    assert patches.shape == (len(anchors), 2, size, size)
    assert np.array_equal(place(patches, anchors, np.full_like(values, np.nan)), values)


@pytest.mark.parametrize("shape", [(40, 50), (10, 50)])
def test_patches_that_are_cut_later_are_the_same(shape):
    values = np.random.default_rng(1).standard_normal((2, *shape)).astype(np.float32)
    anchors = divide(shape, (16, 16))
    later, now = CutLater(values, anchors, (16, 16)), cut(values, anchors, (16, 16))
    assert later.shape == now.shape
    sets = np.array([[0, 2], [3, 1]])
    for numbers in (slice(1, 3), slice(0, 0), np.array([2, 0]), np.arange(len(anchors)) > 1, sets):
        assert later[numbers].shape == now[numbers].shape
        assert np.array_equal(later[numbers], now[numbers])
    assert np.asarray(later[sets][1:], dtype=np.float64).dtype == np.float64


def test_an_overlap_that_leaves_no_step_is_refused():
    with pytest.raises(ValueError, match="overlap smaller than the patch"):
        divide((64, 64), (32, 32), overlap=32)
    with pytest.raises(ValueError, match="patch of 2 axes"):
        divide((64, 64), (32,))


def test_positions_are_relative_to_the_centre():
    anchors = np.array([[0, 0], [32, 32], [16, 16]])
    positions = relative_positions(anchors, (32, 32), (32, 32), (64, 64))
    assert positions[0, :2] == pytest.approx([-16.5 / 32, -16.5 / 32])
    assert positions[1, 3] == 0
    assert positions[0, 3] == pytest.approx(np.hypot(1 / 32, 1 / 32))
    assert positions[2, 2] == pytest.approx(np.hypot(0.5, 0.5) / 32)


def test_a_sample_in_two_patches_counts_once_with_its_best_probability():
    probability = np.zeros((2, 4, 4), dtype=np.float32)
    probability[0, 1, 3] = 0.7
    probability[1, 1, 1] = 0.9
    probability[1, 0, 0] = 0.5
    places, chances, _ = merge(probability, np.array([[0, 0], [0, 2]]), np.full((4, 6), 0.5))
    assert places.tolist() == [[1, 3]]
    assert chances == pytest.approx([0.9])


def test_what_a_patch_has_beyond_the_plane_is_no_point():
    probability = np.ones((1, 4, 4), dtype=np.float32)
    places, *_ = merge(probability, np.array([[0, 0]]), np.full((2, 3), 0.5))
    assert len(places) == 6


def test_each_sample_is_held_to_its_own_threshold():
    thresholds = np.full((4, 6), 0.5)
    thresholds[1, 2] = 0.8
    probability = np.full((1, 4, 4), 0.7, dtype=np.float32)
    places, *_ = merge(probability, np.array([[0, 2]]), thresholds)
    assert len(places) == 15
    assert [1, 2] not in places.tolist()
