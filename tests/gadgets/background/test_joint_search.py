"""Joint search on the plane of an ellipse: a crowd near the centre, of which no sample stands out alone."""

import numpy as np
import pytest
from helpers.kspaces import make_plane
from helpers.sparks import CROWD, CROWD_SHAPE, around_the_centre

from gadgets.background import MOST, joint_search
from gadgets.background.image_support import innovation_of
from gadgets.background.joint_search import search_jointly

NOBODY = np.zeros((0, 2), dtype=int)


def crowded(n_coils, seed=3, amplitude=120.0):
    plane = make_plane(seed, n_coils, CROWD_SHAPE, signal=30.0)
    rng = np.random.default_rng(seed)
    size = amplitude * rng.uniform(0.5, 2.0, len(CROWD))
    gains = np.exp(2j * np.pi * rng.random((n_coils, len(CROWD))))
    lines, samples = np.transpose(CROWD)
    wrong = plane.copy()
    wrong[:, lines, samples] += (size * gains).astype(np.complex64)
    return plane, wrong


def rest_of(plane, places, result):
    rest = plane.copy()
    rest[:, places[:, 0], places[:, 1]] -= result.errors
    return rest


def chosen_of(plane, withheld=NOBODY, threshold=7.0):
    candidates = around_the_centre()
    left = {tuple(place) for place in withheld}
    candidates = np.array([place for place in candidates if tuple(place) not in left])
    result = search_jointly(
        plane, np.array(withheld, int).reshape(-1, 2), candidates, np.full(len(candidates), threshold)
    )
    rest = rest_of(plane, np.concatenate([np.array(withheld, int).reshape(-1, 2), candidates]), result)
    return {tuple(int(index) for index in candidates[number]) for number in result.chosen}, result, rest


@pytest.mark.parametrize("n_coils", [1, 4])
def test_a_crowd_is_found_as_a_whole_where_no_sample_stands_out(n_coils):
    clean, wrong = crowded(n_coils)
    innovation = np.abs(innovation_of(wrong.astype(np.complex64))[0]).max(axis=0)
    weakest = min(innovation[place] for place in CROWD)
    others = [innovation[tuple(place)] for place in around_the_centre() if tuple(place) not in CROWD]
    assert max(others) > weakest, "alone, a good sample deviates more than a wrong one"
    found, result, rest = chosen_of(wrong)
    assert found == set(CROWD)
    error_before, error_after = (np.linalg.norm(each - clean) for each in (wrong, rest))
    assert error_after < 0.3 * error_before
    assert result.contrast < result.contrast_without == pytest.approx(innovation_of(rest)[1], rel=1e-3)


def test_nothing_is_found_in_a_clean_plane():
    for seed in range(6):
        plane = make_plane(seed, 2, CROWD_SHAPE, signal=30.0)
        found, _, rest = chosen_of(plane)
        assert found == set()
        np.testing.assert_allclose(rest, plane, rtol=1e-5, atol=1e-4)


def test_nothing_more_is_asked_of_the_image_once_nothing_is_found_in_it(monkeypatch):
    asked, ask = [], joint_search.brightness_of
    monkeypatch.setattr(joint_search, "brightness_of", lambda *told: asked.append(told) or ask(*told))
    found, result, _ = chosen_of(make_plane(0, 2, CROWD_SHAPE, signal=30.0))
    assert found == set()
    assert result.contrast_without == result.contrast
    assert len(asked) == 2, "of what was recorded, and after the smooth round"


def test_what_is_withheld_is_not_chosen_and_does_not_hide_the_rest():
    clean, wrong = crowded(2)
    found, _, rest = chosen_of(wrong, withheld=CROWD[:4])
    assert found == set(CROWD[4:])
    assert np.linalg.norm(rest - clean) < 0.3 * np.linalg.norm(wrong - clean)


def test_thresholds_hold_for_each_candidate():
    _, wrong = crowded(2)
    found, *_ = chosen_of(wrong, threshold=1e6)
    assert found == set()


def test_an_image_without_a_background_stops_at_the_most():
    rng = np.random.default_rng(0)
    noise = (rng.normal(size=(1, *CROWD_SHAPE)) + 1j * rng.normal(size=(1, *CROWD_SHAPE))).astype(np.complex64)
    found, *_ = chosen_of(noise, threshold=0.01)
    assert len(found) == MOST


def test_a_plane_of_zeros_has_no_crowd():
    found, *_ = chosen_of(np.zeros((2, *CROWD_SHAPE), np.complex64))
    assert found == set()
