"""Evidence without the obvious samples: they stand out as much as before, and nothing else does because of them."""

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import with_sparks

from gadgets.evidence.levels import root_mean_square
from gadgets.evidence.maps import CHANNELS, N_STRIKING, gather_evidence
from gadgets.evidence.obvious import MOST_OBVIOUS, OBVIOUS

SPARK = (10, 50)


def plane_with(sparks, amplitude=2000.0):
    return with_sparks(make_scan(), {(0, *place): None for place in sparks}, amplitude).data[:, 0]


def test_without_obvious_samples_the_maps_are_what_they_were():
    plane = make_scan().data[:, 0]
    evidence, without = gather_evidence(plane), gather_evidence(plane, without_obvious=True)
    assert not without.obvious.any()
    assert np.array_equal(evidence.maps, without.maps)


def test_all_others_look_as_if_the_spark_had_not_been():
    clean, plane = make_scan().data[:, 0], plane_with([SPARK])
    before = plane.copy()
    without, usual = gather_evidence(plane, without_obvious=True), gather_evidence(clean)
    assert np.argwhere(without.obvious).tolist() == [list(SPARK)]
    others = np.ones(clean.shape[1:], bool)
    others[SPARK] = False
    # What the sample itself held before the spark is missing to them, and is little.
    difference = np.abs(without.maps - usual.maps)[:, others]
    assert np.quantile(difference, 0.99) < 0.1
    with_it = np.abs(gather_evidence(plane).maps - usual.maps)[:, others]
    assert np.quantile(with_it, 0.99) > 0.3
    assert np.array_equal(plane, before), "the plane is not changed"


@pytest.mark.parametrize("name", CHANNELS[:N_STRIKING])
def test_the_spark_itself_stands_out_in_every_map(name):
    evidence = gather_evidence(plane_with([SPARK]), without_obvious=True)
    values = evidence.maps[CHANNELS.index(name)]
    assert values[SPARK] == values.max() > 3
    assert evidence.judged[SPARK]


def test_a_spark_that_one_of_many_receivers_hears_is_obvious():
    clean = make_scan(n_coils=32)
    plane = with_sparks(clean, {(0, *SPARK): [3]}, 160.0).data[:, 0]
    level = root_mean_square(plane)[SPARK] / gather_evidence(clean.data[:, 0]).level[SPARK]
    assert level < OBVIOUS, "in the mean square of all it is none"
    assert np.argwhere(gather_evidence(plane, without_obvious=True).obvious).tolist() == [list(SPARK)]


def test_in_the_centre_nothing_is_obvious():
    assert not gather_evidence(plane_with([(32, 41), (30, 40)]), without_obvious=True).obvious.any()


def test_more_than_sparks_would_be_is_left_in():
    rng = np.random.default_rng(0)
    many = {tuple(place) for place in rng.integers(0, (64, 80), (MOST_OBVIOUS + 80, 2)).tolist()}
    assert not gather_evidence(plane_with(many), without_obvious=True).obvious.any()
