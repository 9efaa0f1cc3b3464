"""Repair of flagged samples: what is changed, by which method, and what is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import object_kspace
from helpers.sparks import flag, with_spark_at
from hypothesis import given, settings
from hypothesis import strategies as st

from gadgets.repair.deviations import deviations
from gadgets.repair.fill import repair
from gadgets.settings.definitions import CalibrationSettings

METHODS = ("auto", "zero", "conjugate", "interpolation")


def run(kspace, points, method="auto"):
    return repair(kspace, points, CalibrationSettings(method=method))


def errors(kspace, truth, points):
    return np.array([
        np.abs(kspace.data - truth.data)[list(p.receivers), p.partition, p.line, p.sample].max() for p in points
    ])  # fmt: skip


@pytest.mark.parametrize("n_coils", [1, 4])
@pytest.mark.parametrize(
    ("line", "samples"), [(16, [20]), (16, [18, 19, 20, 21]), (14, [22, 23]), (2, [30, 31, 32]), (0, [0, 1])]
)
def test_a_spark_is_found_out_and_what_belongs_there_comes_back(n_coils, line, samples):
    truth = object_kspace(n_coils=n_coils)
    points = flag(truth, line, samples)
    repaired, calibration = run(with_spark_at(truth, points), points)
    assert calibration.n_repaired == len(points)
    assert errors(repaired, truth, points).max() < 12  # a tenth of the spark; the signal itself is up to 500
    assert calibration.seconds > 0


@pytest.mark.parametrize("method", METHODS)
def test_only_flagged_samples_of_hit_receivers_change(method):
    truth = object_kspace()
    points = flag(truth, 16, [19, 20, 21], receivers=(1, 3)) + flag(truth, 5, [7])
    hit = with_spark_at(truth, points)
    before = hit.data.copy()
    repaired, _ = run(hit, points, method)
    np.testing.assert_array_equal(hit.data, before)
    listed = np.zeros(before.shape, bool)
    for point in points:
        listed[list(point.receivers), point.partition, point.line, point.sample] = True
    np.testing.assert_array_equal(repaired.data[~listed], before[~listed])
    assert repaired.data.dtype == before.dtype
    assert np.any(repaired.data[listed] != before[listed])


@pytest.mark.parametrize("method", [*METHODS, "none"])
def test_without_points_the_same_object_comes_back(method):
    kspace = object_kspace()
    repaired, calibration = run(kspace, [], method)
    assert repaired is kspace
    assert calibration.points == ()


def test_method_none_reports_points_and_changes_nothing():
    kspace = object_kspace()
    repaired, calibration = run(kspace, flag(kspace, 3, [4]), "none")
    assert repaired is kspace
    (record,) = calibration.points
    assert (record.method, record.refusal) == (None, "repair is switched off")
    assert record.magnitude_after == record.magnitude_before > 0


def test_zero_puts_zero():
    kspace = object_kspace()
    points = flag(kspace, 16, [20, 21], receivers=(2,))
    repaired, calibration = run(kspace, points, "zero")
    assert np.all(repaired.data[2, 0, 16, [20, 21]] == 0)
    assert [record.magnitude_after for record in calibration.points] == [0, 0]


def test_a_wrongly_flagged_clean_sample_is_left_as_it_is():
    kspace = object_kspace()
    for line, sample in [(16, 20), (13, 18), (4, 30), (31, 39), (20, 0)]:
        repaired, calibration = run(kspace, flag(kspace, line, [sample]))
        assert repaired is kspace, (line, sample)
        assert "hardly differs from what belongs there" in calibration.points[0].refusal


def test_a_receiver_that_was_hardly_hit_keeps_nearly_what_it_recorded():
    truth = object_kspace()
    points = flag(truth, 16, [20])
    repaired, _ = run(with_spark_at(truth, flag(truth, 16, [20], receivers=(0,))), points)
    assert np.abs(repaired.data - truth.data)[1:, 0, 16, 20].max() < 4


def test_a_partner_that_is_flagged_itself_cannot_help():
    kspace = object_kspace()
    points = flag(kspace, 12, [15]) + flag(kspace, 20, [25])
    repaired, calibration = run(kspace, points, "conjugate")
    assert repaired is kspace
    assert {record.refusal for record in calibration.points} == {
        "the sample opposite the centre of k-space was not measured, or is taken for a spark too"
    }


def test_conjugate_comes_nearer_to_the_truth_than_zero():
    truth = object_kspace(noise=0.1)
    points = flag(truth, 13, [21])
    repaired, calibration = run(with_spark_at(truth, points), points, "conjugate")
    assert calibration.points[0].method == "conjugate"
    assert errors(repaired, truth, points)[0] < 0.5 * np.abs(truth.data[:, 0, 13, 21]).max()


def test_readouts_without_a_place_have_no_conjugate_partners():
    truth = object_kspace(noise=0.1)
    points = flag(truth, 13, [21])
    in_order = replace(with_spark_at(truth, points), is_gridded=False)
    repaired, calibration = run(in_order, points, "conjugate")
    assert np.array_equal(repaired.data, in_order.data)
    assert "nothing lies opposite" in calibration.points[0].refusal
    assert run(in_order, points)[1].n_repaired == 1


@pytest.mark.parametrize(
    "changes", [{"missing_lines": tuple(range(1, 13, 2)) + tuple(range(21, 32, 2))}, {"missing_lines": tuple(range(8))}]
)
def test_undersampled_data_are_repaired_in_the_spacing_that_is_there(changes):
    truth = object_kspace(n_coils=8, **changes)
    for line in (16, 24):
        points = flag(truth, line, [20, 21])
        repaired, calibration = run(with_spark_at(truth, points), points)
        assert calibration.n_repaired == 2
        assert errors(repaired, truth, points).max() < 30


def test_three_dimensions():
    truth = object_kspace(shape=(6, 24, 32))
    points = flag(truth, 12, [16, 17], partition=3) + flag(truth, 2, [3], partition=0)
    repaired, calibration = run(with_spark_at(truth, points), points)
    assert calibration.n_repaired == 3
    assert errors(repaired, truth, points).max() < 12


def test_reversed_readouts_are_repaired_where_they_were_recorded():
    truth = object_kspace()
    reverse = np.zeros((1, 32), bool)
    reverse[:, 1::2] = True
    data = truth.data.copy()
    data[:, reverse] = data[:, reverse][..., ::-1]
    stored = replace(truth, data=data, reversed_lines=reverse)
    points = flag(stored, 15, [17, 18, 19])
    repaired, _ = run(with_spark_at(stored, points), points)
    assert errors(repaired, stored, points).max() < 12


def test_everything_flagged_is_left_as_it_is():
    kspace = object_kspace(n_coils=2, shape=(1, 12, 16))
    points = [point for line in range(12) for point in flag(kspace, line, range(16))]
    repaired, calibration = run(kspace, points)
    assert repaired is kspace
    assert {record.refusal for record in calibration.points} == {"too few clean samples lie nearby to test a repair"}


def test_whole_lines_flagged_beside_clean_ones():
    truth = object_kspace()
    points = flag(truth, 3, range(40)) + flag(truth, 28, range(40))
    repaired, calibration = run(with_spark_at(truth, points), points)
    assert calibration.n_repaired > 70
    assert np.median(errors(repaired, truth, points)) < 12


def test_a_thousand_points_in_a_single_receiver_scan_are_still_repaired():
    truth = object_kspace(n_coils=1, shape=(1, 64, 64))
    rng = np.random.default_rng(0)
    points = [point for line in range(0, 64, 2) for point in flag(truth, line, np.flatnonzero(rng.random(64) < 0.5))]
    repaired, _ = run(with_spark_at(truth, points), points)
    before = np.linalg.norm(with_spark_at(truth, points).data - truth.data)
    assert np.linalg.norm(repaired.data - truth.data) < 0.5 * before


def test_samples_that_are_not_finite_are_no_sources_and_no_targets():
    truth = object_kspace()
    points = flag(truth, 16, [20, 21])
    hit = with_spark_at(truth, points)
    data = hit.data.copy()
    data[1, 0, 16, 22] = np.nan
    data[2, 0, 15, 20] = np.inf
    repaired, calibration = run(replace(hit, data=data), points + flag(truth, 16, [22]))
    assert [record.refusal for record in calibration.points] == [
        "",
        "",
        "the recorded value is no number (NaN or infinite)",
    ]
    assert errors(repaired, truth, points).max() < 12
    assert calibration.model_dump_json()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"receivers_repaired": ()}, "no receiver was hit"),
        ({"sample": 40}, "outside of the k-space"),
        ({"partition": -1}, "outside of the k-space"),
        ({"receivers_repaired": (0, 4)}, "outside of the k-space"),
        ({"line": 1}, "nothing was measured at this place"),
    ],
)
def test_points_that_cannot_be_are_refused_and_the_others_repaired(changes, reason):
    truth = object_kspace(missing_lines=(1,))
    good = flag(truth, 16, [20])
    hit = with_spark_at(truth, good)
    repaired, calibration = run(hit, [good[0].model_copy(update=changes), *good])
    assert reason in calibration.points[0].refusal
    assert calibration.points[1].method is not None
    assert errors(repaired, truth, good)[0] < 12


def test_a_sample_that_is_listed_twice_is_one_point_with_the_receivers_of_both():
    truth = object_kspace()
    once = flag(truth, 16, [20], receivers=(0,)) + flag(truth, 16, [20], receivers=(2,))
    repaired, calibration = run(with_spark_at(truth, once), once)
    assert calibration.n_repaired == 2
    assert errors(repaired, truth, once).max() < 12


@settings(max_examples=15)
@given(
    phase=st.floats(0, 6.28), exponent=st.integers(-20, 20), line=st.integers(0, 31), start=st.integers(0, 36),
    length=st.integers(1, 4),
)  # fmt: skip
def test_a_global_phase_and_scale_go_through_the_repair(phase, exponent, line, start, length):
    truth = object_kspace()
    points = flag(truth, line, range(start, start + length))
    hit = with_spark_at(truth, points)
    factor = np.complex64(np.exp(1j * phase) * 2.0**exponent)
    repaired, calibration = run(hit, points)
    turned, other = run(replace(hit, data=hit.data * factor), points)
    np.testing.assert_allclose(turned.data, repaired.data * factor, atol=0.05 * abs(factor))
    assert [record.method for record in other.points] == [record.method for record in calibration.points]


def test_deviations_tell_sparks_from_clean_samples_in_every_receiver():
    truth = object_kspace()
    spark = flag(truth, 16, [20], receivers=(1,))
    clean = flag(truth, 14, [21]) + flag(truth, 30, [5])
    missing = [spark[0].model_copy(update={"sample": 99})]
    found = deviations(with_spark_at(truth, spark), spark + clean + missing)
    assert found.shape == (4, 4)
    assert found[0, 1] > 15
    assert found[0, [0, 2, 3]].max() < 5
    assert found[1:3].max() < 5
    assert np.isnan(found[3]).all()


def test_deviations_of_nothing():
    assert deviations(object_kspace(), []).shape == (0, 4)
