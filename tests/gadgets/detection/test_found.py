"""What was found, mended for another look."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import flag, with_sparks

from gadgets.detection.confirmation import Confirmed
from gadgets.detection.detector import Detector
from gadgets.detection.found import Found
from gadgets.kspace.planes import planes_of
from gadgets.repair.predicted_once import Predictions
from gadgets.settings.definitions import SparkDetectionSettings

MOST = 4.5
"""K-spaces that arrays of a detection may take beside the k-space itself, of 8 receivers x 128 x 128."""


def found_in(kspace, *, lines):
    """Note points in some lines, one after the other."""
    found = Found({}, Predictions(kspace))
    for line in lines:
        (point,) = flag(kspace, line, [20], (0, 2))
        found.add([Confirmed(point, np.zeros(2, np.complex64), np.array([line, 2j * line], np.complex64))])
    return found


@pytest.mark.parametrize("reverse", [False, True])
def test_a_plane_is_mended_as_the_whole_kspace_is(reverse):
    kspace = make_scan()
    turned = kspace.reversed_lines.copy()
    turned[0, 10] = reverse
    sampled = kspace.sampled.copy()
    sampled[:, 3] = sampled[..., :7] = False  # places in the plane are not those in k-space
    kspace = replace(kspace, reversed_lines=turned, sampled=sampled, data=kspace.data * sampled)
    before = kspace.data.copy()
    mended = found_in(kspace, lines=(10, 40)).mended()
    (plane,), (whole,) = planes_of(kspace), planes_of(mended.kspace())
    assert np.array_equal(mended.plane(plane).data, whole.data)
    assert not np.array_equal(plane.data, whole.data)
    assert np.array_equal(kspace.data, before), "what was acquired stays"


def test_only_what_was_found_since_the_look_before_is_new():
    found = found_in(make_scan(), lines=(10,))
    assert found.mended().new == [(0, 10, 20)]
    assert found.mended().new == []
    (point,) = flag(found.known.kspace, 40, [20], (1,))
    found.add([Confirmed(point, *np.zeros((2, 1), np.complex64))])
    assert found.mended().new == [(0, 40, 20)]


def test_where_nothing_was_found_nothing_is_copied():
    found = Found({}, Predictions(make_scan()))
    mended = found.mended()
    (plane,) = planes_of(mended.acquired)
    assert mended.plane(plane) is plane
    assert found.predictions(mended) is found.known


def test_sparks_at_the_centre_take_hardly_more_memory_than_clean_data():
    clean = make_scan(n_coils=8, shape=(128, 128))
    sparked = with_sparks(clean, {(0, 60 + step, 62 + step): None for step in range(0, 9, 2)}, amplitude=150.0)
    detector = Detector(SparkDetectionSettings(provider="cpu", threads=1))
    detector.detect(sparked)
    tracemalloc.start()
    assert detector.detect(sparked).points
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST * clean.data.nbytes
