"""What a calibration model says should be there, and when it is taken."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.kspaces import object_kspace
from helpers.sparks import flag, with_spark_at

from gadgets.records import Point
from gadgets.repair.fill import repair
from gadgets.settings.definitions import CalibrationSettings


def run(kspace, points, method="auto"):
    return repair(kspace, points, CalibrationSettings(method=method))


def with_values(points, values):
    """Let a calibration model have said what the samples should be, shape (point, receiver)."""
    return [
        point.model_copy(update={"values": tuple((float(each.real), float(each.imag)) for each in row)})
        for point, row in zip(points, values, strict=True)
    ]


def spark_and_truth(receivers=None):
    clean = object_kspace(noise=0.5)
    points = flag(clean, 16, [18, 19], receivers)
    truth = np.array([clean.data[list(point.receivers), 0, 16, point.sample] for point in points])
    return with_spark_at(clean, points), points, truth


def test_what_a_calibration_model_says_is_taken():
    sparked, points, truth = spark_and_truth()
    repaired, record = run(sparked, with_values(points, truth))
    assert {entry.method for entry in record.points} == {"calibration_model"}
    _, measured = run(sparked, points)
    assert {entry.method for entry in measured.points} == {"interpolation"}
    after = np.array([repaired.data[:, 0, 16, point.sample] for point in points])
    # All but the share of the change that the prediction may be wrong by.
    assert np.abs(after - truth).max() < 0.02 * 120


def test_the_values_of_a_single_receiver_are_its_own():
    sparked, points, truth = spark_and_truth((2,))
    repaired, record = run(sparked, with_values(points, truth))
    assert {entry.method for entry in record.points} == {"calibration_model"}
    others = [0, 1, 3]
    assert np.array_equal(repaired.data[others], sparked.data[others])
    assert not np.array_equal(repaired.data[2], sparked.data[2])


def test_what_contradicts_the_measured_prediction_is_not_taken():
    sparked, points, truth = spark_and_truth()
    wrong = with_values(points, truth + 100)
    repaired, record = run(sparked, wrong)
    expected, _ = run(sparked, points)
    assert {entry.method for entry in record.points} == {"interpolation"}
    assert np.array_equal(repaired.data, expected.data)


@pytest.mark.parametrize("method", ["zero", "interpolation", "none"])
def test_a_method_by_name_overrides_values(method):
    sparked, points, truth = spark_and_truth()
    repaired, record = run(sparked, with_values(points, truth), method)
    expected, _ = run(sparked, points, method)
    assert np.array_equal(repaired.data, expected.data)
    assert "calibration_model" not in {entry.method for entry in record.points}


def test_values_survive_a_record_bit_by_bit():
    _, points, truth = spark_and_truth()
    given_values = with_values(points, (truth * np.float32(np.pi)).astype(np.complex64))
    again = [Point.model_validate_json(point.model_dump_json()) for point in given_values]
    for point, row in zip(again, truth * np.float32(np.pi), strict=True):
        assert np.array_equal(np.array([complex(*parts) for parts in point.values], np.complex64), row)


def test_values_for_other_receivers_are_refused():
    sparked, points, truth = spark_and_truth()
    _, record = run(sparked, with_values(points, truth[:, :3]))
    assert record.points[0].refusal == "expected a value for each of 4 receivers, found 3"
    assert record.n_repaired == 0
