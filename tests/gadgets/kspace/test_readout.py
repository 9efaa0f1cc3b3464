"""Flags, limits and encodings."""

import pytest
from helpers.builders import encoding, readout

from gadgets.kspace.readout import (
    ACQ_FIRST_IN_SLICE,
    ACQ_IS_PARALLEL_CALIBRATION,
    ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING,
    ACQ_IS_REVERSE,
    ACQ_LAST_IN_MEASUREMENT,
    Limits,
    is_imaging,
)

# The numbers that the MRD specification gives these flags, from 1.
NOT_IMAGING_NUMBERS = {
    "noise measurement": 19,
    "parallel calibration": 20,
    "navigation": 23,
    "phase correction": 24,
    "hp feedback": 26,
    "dummy scan": 27,
    "rt feedback": 28,
    "surface coil correction": 29,
    "phase stabilisation reference": 30,
    "phase stabilisation": 31,
}


@pytest.mark.parametrize("number", NOT_IMAGING_NUMBERS.values(), ids=NOT_IMAGING_NUMBERS.keys())
def test_data_for_something_else_than_the_image_are_no_imaging_data(number):
    assert not is_imaging(1 << (number - 1))
    assert not is_imaging(1 << (number - 1) | ACQ_LAST_IN_MEASUREMENT | ACQ_IS_REVERSE)


def test_all_other_flags_leave_imaging_data_what_they_are():
    others = set(range(1, 65)) - set(NOT_IMAGING_NUMBERS.values())
    assert all(is_imaging(1 << (number - 1)) for number in others)
    assert is_imaging(0)
    assert is_imaging(ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING | ACQ_FIRST_IN_SLICE)
    assert not is_imaging(ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING | ACQ_IS_PARALLEL_CALIBRATION)


def test_limits_hold_their_ends():
    limits = Limits(2, 4, 7)
    assert limits.count == 6
    assert [value for value in range(10) if value in limits] == [2, 3, 4, 5, 6, 7]


def test_acceleration_lessens_what_is_expected():
    assert encoding(n_lines=9, n_partitions=4).n_readouts_expected == 36
    assert encoding(n_lines=9, n_partitions=4, acceleration=2).n_readouts_expected == 20


def test_lines_have_places_in_cartesian_and_epi_encodings_only():
    kinds = ("cartesian", "epi", "radial", "goldenangle", "spiral", "other")
    assert [encoding(trajectory=kind).is_cartesian for kind in kinds] == [True, True, False, False, False, False]


def test_a_3d_encoding_has_partitions():
    assert not encoding().is_3d
    assert encoding(n_partitions=2).is_3d


def test_a_readout_knows_its_direction():
    assert readout(flags=ACQ_IS_REVERSE).is_reversed
    assert not readout().is_reversed
