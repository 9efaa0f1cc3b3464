"""Sparks: the points of one readout are one spark, with strength by receiver and what became of it."""

from __future__ import annotations

import numpy as np
import pytest

from gadgets.findings import image_errors, sparks_of, strongest_first
from gadgets.indices import Indices
from gadgets.records import Calibration, Detection, Point, RepairedPoint


def point(line, sample, hit, counter=1, partition=0, left=2.0):
    return Point(
        partition=partition, line=line, sample=sample, receivers=tuple(hit), over_noise=tuple(hit.values()),
        receivers_repaired=(0, 1, 2, 3), error_left=left, probability=0.9, scan_counter=counter,
        time_stamp=10 * counter,
    )  # fmt: skip


def found(*points):
    return Detection(
        indices=Indices(slice=2), shape=(4, 1, 32, 64), centre=(0, 16, 32), acquired=2048, patches=8, points=points
    )


def repaired(point, method="zero", refusal=""):
    return RepairedPoint(point=point, method=method, magnitude_before=1, magnitude_after=0, refusal=refusal)


def test_the_points_of_a_readout_are_one_spark():
    points = point(3, 9, {1: 40.0}, 7), point(8, 2, {0: 9.0}, 2), point(3, 8, {1: 30.0, 0: 60.0}, 7)
    later, earlier = sparks_of(found(*points))[::-1]
    assert (earlier.line, earlier.samples, earlier.scan_counter) == (8, (2,), 2)
    assert (later.line, later.samples, later.time_stamp, later.indices.slice) == (3, (8, 9), 70, 2)
    # Together the two samples of receiver 1 leave a weaker ripple than the one of receiver 0.
    assert (later.receivers, later.over_noise) == ((0, 1), (60.0, 40.0))
    np.testing.assert_allclose(later.rnr, np.array([60, 50]) / np.sqrt(2048))
    assert later.strength == later.rnr[0]
    assert later.receivers_repaired == (0, 1, 2, 3)


def test_partitions_are_other_moments():
    assert len(sparks_of(found(point(3, 9, {0: 9.0}), point(3, 9, {0: 9.0}, partition=1)))) == 2


def test_the_error_is_what_it_adds_to_the_image_in_all_receivers():
    first, second = point(3, 8, {0: 60.0}), point(3, 9, {0: 80.0})
    untouched, *_ = sparks_of(found(first, second))
    assert untouched.error_before == pytest.approx(100 / np.sqrt(4 * 2048))
    assert untouched.error_after is None
    calibration = Calibration(indices=Indices(), points=(repaired(first), repaired(second, None, "too near")))
    (half,) = sparks_of(found(first, second), calibration)
    assert half.error_after == pytest.approx(np.hypot(2, 80) / np.sqrt(4 * 2048))
    assert (half.is_repaired, half.methods, half.refusals) == (False, ("zero",), ("too near",))
    (whole,) = sparks_of(found(first), Calibration(indices=Indices(), points=(repaired(first),)))
    assert whole.is_repaired


def test_the_error_of_several_images_is_their_mean():
    first = sparks_of(
        found(point(3, 8, {0: 60.0})), Calibration(indices=Indices(), points=(repaired(point(3, 8, {})),))
    )
    other = first[0].model_copy(update={"indices": Indices(slice=3), "error_before": 0.0, "error_after": 0.0})
    before, after = image_errors([*first, other])
    assert before == pytest.approx(first[0].error_before / np.sqrt(2))
    assert after == pytest.approx(first[0].error_after / np.sqrt(2))
    unknown = other.model_copy(update={"error_after": None})
    assert image_errors([*first, unknown])[1] is None


def test_the_radius_is_that_of_the_middle_sample():
    (spark,) = sparks_of(found(point(16, 63, {0: 9.0})))
    assert spark.radius == pytest.approx(31 / 32)
    (centre,) = sparks_of(found(point(16, 32, {0: 9.0})))
    assert centre.radius == 0


def test_receivers_are_ordered_by_their_strongest_spark():
    sparks = sparks_of(found(point(1, 1, {2: 9.0, 0: 5.0}), point(2, 1, {0: 30.0}, 2)))
    assert strongest_first(sparks) == (0, 2)
    assert strongest_first([]) == ()


def test_points_of_unknown_strength_are_sparks_too():
    plain = Point(partition=0, line=1, sample=2, receivers=(3, 1), probability=1, scan_counter=0, time_stamp=0)
    (spark,) = sparks_of(Detection(indices=Indices(), points=(plain,)))
    assert (sorted(spark.receivers), spark.strength, spark.receivers_repaired) == ([1, 3], 0, (1, 3))
