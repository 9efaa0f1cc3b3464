from types import SimpleNamespace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from hypothesis import given
from hypothesis import strategies as st

from gadgets.kspace.planes import planes_of
from gadgets.patch_models.patch_sets import LARGEST_RING, NONE, SetClassifier, patch_sets
from gadgets.patches.cutting import divide
from gadgets.patches.division import Patches, divide_planes

KINDS = ("single", "adjacent", "conjugate", "ring")
SHAPE = (1, 32, 32)


def anchors_of(n_lines, n_samples, overlap=0):
    return divide((1, n_lines, n_samples), SHAPE, overlap)


def as_sets(sets):
    return [[int(number) for number in row if number != NONE] for row in sets]


class LoudestOfSet:
    """Gives each patch the largest value of its set, and keeps what it was shown."""

    entry = SimpleNamespace(name="loudest")

    def __init__(self):
        self.present = []

    def run(self, patches, positions, present):
        assert patches.shape[:2] == positions.shape[:2] == present.shape
        self.present.append(present)
        loudest = np.where(present, patches.max(axis=(2, 3, 4)), 0).max(axis=1, keepdims=True)
        return {"probability": np.broadcast_to(loudest, present.shape).astype(np.float32)}


def make_patches(n_lines=96, n_samples=128, loud=()):
    anchors = anchors_of(n_lines, n_samples)
    values = np.zeros((len(anchors), 2, 32, 32), dtype=np.float32)
    for number, value in loud:
        values[number] = value
    level = np.zeros((n_lines, n_samples))
    level[n_lines // 2, n_samples // 2] = 1
    evidence = [SimpleNamespace(level=level, centre=(n_lines // 2, n_samples // 2))]
    return Patches([], evidence, anchors, SHAPE, values, np.zeros((len(anchors), 4), dtype=np.float32))


@given(st.sampled_from(KINDS), st.integers(1, 300), st.integers(1, 300), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_every_patch_is_in_a_set_and_in_each_only_once(kind, n_lines, n_samples, overlap, seed):
    anchors = anchors_of(n_lines, n_samples, overlap)
    rng = np.random.default_rng(seed)
    sets = patch_sets(kind, anchors, SHAPE, (0, rng.integers(n_lines), rng.integers(n_samples)))
    assert set(np.unique(sets[sets != NONE])) == set(range(len(anchors)))
    assert (sets != NONE).any(axis=1).all()
    assert all(len(set(members)) == len(members) for members in as_sets(sets))
    assert sets.shape[1] <= LARGEST_RING


@pytest.mark.parametrize("kind", KINDS)
def test_no_patches_make_no_sets(kind):
    assert patch_sets(kind, np.empty((0, 3), dtype=int), SHAPE, (0, 0, 0)).shape[0] == 0


def test_adjacent_patches_are_three_along_the_readout_and_the_last_three_are_moved_inwards():
    sets = patch_sets("adjacent", anchors_of(64, 160), SHAPE, (0, 32, 80))
    assert as_sets(sets) == [[0, 1, 2], [2, 3, 4], [5, 6, 7], [7, 8, 9]]


@pytest.mark.parametrize(
    ("size", "centre", "partner"),
    [
        # Samples 0 … 127 about 64: the mirror image of a patch is one sample further than its partner.
        (128, 64, [15, 14, 13, 12]),
        # About 63.5 there is no sample; about 63 the mirror image ends one sample before it.
        (128, 63, [15, 14, 13, 12]),
        # Odd: 0 … 128 about 64, the last patch (from 97 on) is moved inwards and is the mirror image of the first.
        (129, 64, [24, 22, 21, 20]),
    ],
)
def test_the_conjugate_patch_is_the_one_nearest_to_the_mirrored_place(size, centre, partner):
    anchors = anchors_of(size, size)
    sets = as_sets(patch_sets("conjugate", anchors, SHAPE, (0, centre, centre)))
    for number, other in enumerate(partner):
        assert sorted({number, other}) in sets
        middle = anchors[number] + anchors[other] + np.array(SHAPE) - 1
        assert np.abs(middle[1:] - 2 * centre).max() <= 16


def test_a_patch_on_the_centre_is_its_own_conjugate():
    assert as_sets(patch_sets("conjugate", np.array([[0, 16, 16]]), SHAPE, (0, 32, 32))) == [[0]]


def test_what_lies_beyond_the_other_border_has_no_partner():
    sets = as_sets(patch_sets("conjugate", anchors_of(128, 128), SHAPE, (0, 127, 64)))
    assert [0] in sets
    assert [12, 15] in sets


def test_a_ring_is_a_rectangle_about_the_centre():
    sets = as_sets(patch_sets("ring", anchors_of(128, 128), SHAPE, (0, 64, 64)))
    assert sorted(map(sorted, sets)) == [[0, 1, 2, 3, 4, 7, 8, 11, 12, 13, 14, 15], [5, 6, 9, 10]]


def test_a_long_ring_becomes_arcs_with_their_mirrored_arcs():
    anchors = anchors_of(512, 512)
    sets = as_sets(patch_sets("ring", anchors, SHAPE, (0, 256, 256)))
    together = [255 - number in members for members in sets for number in members]
    assert np.mean(together) > 0.9
    assert max(map(len, sets)) <= LARGEST_RING


def test_a_set_is_judged_at_once_and_the_highest_probability_counts():
    patches = make_patches(64, 160, loud=[(2, 0.6), (4, 0.9)])
    probability = SetClassifier(LoudestOfSet(), "adjacent").judge(patches)
    assert probability[:5] == pytest.approx([0.6, 0.6, 0.9, 0.9, 0.9])
    assert probability[5:].max() == 0


@pytest.mark.parametrize(("kind", "heard"), [("single", {0}), ("conjugate", {0, 11}), ("adjacent", {0, 1, 2})])
def test_the_kind_of_set_says_which_patches_are_judged_together(kind, heard):
    probability = SetClassifier(LoudestOfSet(), kind).judge(make_patches(loud=[(0, 0.8)]))
    assert set(np.flatnonzero(probability)) == heard


def test_many_patches_are_handed_over_in_parts():
    model = LoudestOfSet()
    SetClassifier(model, "conjugate").judge(make_patches(1024, 1024))
    assert len(model.present) > 1
    assert max(present.size for present in model.present) <= 512


def test_part_of_the_patches_can_be_judged_alone():
    (plane,) = planes_of(make_scan())
    patches = divide_planes([plane], SHAPE, 0)
    some = patches.part(np.array([1, 3]))
    assert np.array_equal(some.anchors, patches.anchors[[1, 3]])
    assert np.array_equal(some.values, patches.values[[1, 3]])
    assert np.array_equal(some.positions, patches.positions[[1, 3]])
    assert some.centre == patches.centre == (0, *patches.evidence[0].centre)
