"""Clean places that are withheld to rehearse a repair."""

from __future__ import annotations

import numpy as np
from helpers.kspaces import make_kspace
from helpers.sparks import flag

from gadgets.repair.bursts import group_bursts, surround
from gadgets.repair.ground.rehearsal import rehearsal_places, withhold


def rehearsed(line, samples, n_places=3, missing_lines=()):
    kspace = make_kspace(missing_lines=missing_lines)
    points = flag(kspace, line, samples, receivers=(0, 2))
    around = surround(kspace, points)
    (burst,) = group_bursts(kspace, points, range(len(points)))
    free = around.clean.all(axis=0)
    return around, burst, rehearsal_places(burst, free, (0, 12, 16), n_places), free


def test_the_mirrored_place_comes_first_and_all_are_clean_and_apart():
    around, burst, places, free = rehearsed(10, [13, 14])
    assert [(place.line, place.start, place.length) for place in places] == [(14, 18, 2), (13, 13, 2), (7, 13, 2)]
    assert not free[0, 14, 18:20].any()
    assert all(around.clean[:, 0, place.line, place.start : place.stop].all() for place in places)
    assert all(list(place.receivers) == list(burst.receivers) for place in places)


def test_places_outside_and_unsampled_lines_are_passed_over():
    _, _, places, _ = rehearsed(0, [0, 1], missing_lines=(3,))
    assert [(place.line, place.start) for place in places] == [(0, 4), (3 + 2, 0)]


def test_withheld_samples_are_missing_in_the_receivers_of_the_burst():
    around, _, places, _ = rehearsed(10, [13, 14], n_places=1)
    held = withhold(around.missing[:, 0], places)
    assert held[[0, 2], 14, 18:20].all()
    np.testing.assert_array_equal(held[1], around.missing[1, 0])
    assert not around.missing[0, 0, 14, 18]
