"""Repairs that travel with the points: taken where the very same samples are recorded, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import object_kspace
from helpers.sparks import flag, with_spark_at

from gadgets.records import KnownRepair
from gadgets.repair.carried import carried, samples_at, taken
from gadgets.repair.fill import outcomes_of, repair
from gadgets.settings.definitions import CalibrationSettings

AUTO = CalibrationSettings()


@pytest.fixture(scope="module")
def kspace():
    return with_spark_at(object_kspace(), [*flag(object_kspace(), 5, [9]), *flag(object_kspace(), 20, [12])], 300.0)


@pytest.fixture(scope="module")
def points(kspace):
    # The third is a clean sample: its repair is refused, which travels as well.
    return [*flag(kspace, 5, [9]), *flag(kspace, 20, [12], (0, 2)), *flag(kspace, 28, [30])]


@pytest.fixture(scope="module")
def repairs(kspace, points):
    return carried(kspace, points, outcomes_of(kspace, points, AUTO))


def test_what_is_taken_is_what_was_computed(kspace, points, repairs):
    computed, read = outcomes_of(kspace, points, AUTO), taken(kspace, points, repairs)
    assert [each.method for each in read] == [each.method for each in computed]
    assert [each.refusal for each in read] == [each.refusal for each in computed]
    assert read[2].values is None
    repaired, record = repair(kspace, points, AUTO, repairs=repairs)
    alone, computed_record = repair(kspace, points, AUTO)
    assert np.array_equal(repaired.data, alone.data)
    assert record.points == computed_record.points


def test_a_record_survives_its_text(kspace, points, repairs):
    again = [KnownRepair.model_validate_json(each.model_dump_json()) for each in repairs]
    assert taken(kspace, points, again) is not None


def test_samples_that_changed_on_the_way_are_computed_anew(kspace, points, repairs):
    data = kspace.data.copy()
    data[0, 0, 5, 9] *= np.complex64(1.0000001 + 1e-6j)
    changed = replace(kspace, data=data)
    assert taken(changed, points, repairs) is None
    assert np.array_equal(repair(changed, points, AUTO, repairs=repairs)[0].data, repair(changed, points, AUTO)[0].data)


def test_other_points_or_damaged_values_are_computed_anew(kspace, points, repairs):
    assert taken(kspace, points[:2], repairs) is None
    assert taken(kspace, [points[1], points[0], points[2]], repairs) is None
    assert taken(kspace, points, [repairs[0].model_copy(update={"values": ""}), *repairs[1:]]) is None
    outside = points[0].model_copy(update={"line": 99})
    assert taken(kspace, [outside, *points[1:]], repairs) is None


def test_another_method_is_computed(kspace, points, repairs):
    zeroed, record = repair(kspace, points, CalibrationSettings(method="zero"), repairs=repairs)
    assert not zeroed.data[:, 0, 5, 9].any()
    assert [each.method for each in record.points] == ["zero"] * 3


def test_samples_come_in_the_order_of_their_points(kspace):
    points = [
        *flag(kspace, 5, [9]),
        *flag(kspace, 20, [12], (0, 2)),
        *flag(kspace, 28, [30]),
        *flag(kspace, 3, [4], ()),
    ]
    for point, samples in zip(points, samples_at(kspace.data, points), strict=True):
        expected = kspace.data[list(point.receivers_repaired), point.partition, point.line, point.sample]
        assert np.array_equal(samples, expected)
    assert samples_at(kspace.data, []) == []
