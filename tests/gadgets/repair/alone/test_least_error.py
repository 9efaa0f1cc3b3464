"""The least errors: where the signal stands alone, what is measured around a burst does not hold."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_kspace

from gadgets.records import Point
from gadgets.repair.alone.least_error import END, OUTERMOST_WIDTH, least_error
from gadgets.repair.bursts import group_bursts, surround
from gadgets.repair.predictor import Predictor

LOUD = 50.0
LINE, COLUMN, CENTRE = 12, 16, (0, 12, 16)


def flagged(line, sample):
    place = {"partition": 0, "line": line, "sample": sample, "receivers": (0, 1, 2)}
    return Point(**place, probability=1, scan_counter=0, time_stamp=0)


def star():
    """Noise of standard deviation 1, and in the centre's readout and column samples of random phase."""
    kspace = make_kspace(signal=0.0)
    rng, data = np.random.default_rng(0), kspace.data.copy()
    data[:, 0, LINE] = LOUD * np.exp(2j * np.pi * rng.random(data.shape[::3]))
    data[:, 0, :, COLUMN] = LOUD * np.exp(2j * np.pi * rng.random(data.shape[:3:2]))
    return replace(kspace, data=data)


def least(kspace, points, centre=CENTRE):
    around, bursts = surround(kspace, points), group_bursts(kspace, points, range(len(points)))
    return around, bursts, [least_error(around, burst, centre) for burst in bursts]


def turned(kspace):
    """Store the last readout as an EPI does."""
    reversed_lines, data = kspace.reversed_lines.copy(), kspace.data.copy()
    reversed_lines[:, -1], data[:, :, -1] = True, data[:, :, -1, ::-1]
    return replace(kspace, data=data, reversed_lines=reversed_lines)


@pytest.mark.parametrize(
    ("sample", "is_loud"),
    [(0, True), (END - 1, True), (END, True), (COLUMN - 5, True), (COLUMN - 4, False), (31 - END, True), (31, True)],
)
def test_in_the_echos_readout_no_error_is_below_what_is_beside(sample, is_loud):
    _, _, (error,) = least(star(), [flagged(LINE, sample)])
    assert error.ravel() == pytest.approx(LOUD if is_loud else 0, rel=1e-3)


@pytest.mark.parametrize(("sample", "is_end"), [(0, True), (END - 1, True), (END, False), (31 - END, False)])
def test_in_other_readouts_it_is_so_at_their_ends(sample, is_end):
    kspace = star()
    kspace.data[:, 0, LINE + 2] = kspace.data[:, 0, LINE]
    _, _, (error,) = least(kspace, [flagged(LINE + 2, sample)])
    assert error.ravel() == pytest.approx(LOUD if is_end else 0, rel=1e-3)


def test_what_else_is_flagged_at_the_end_of_a_readout_tells_nothing():
    kspace = star()
    kspace.data[:, 0, LINE + 2] = kspace.data[:, 0, LINE]
    kspace.data[:, 0, LINE + 2, 3:6] = 1e6
    points = [flagged(LINE + 2, 0), *(flagged(LINE + 2, sample) for sample in range(3, 6))]
    assert least(kspace, points)[2][0].ravel() == pytest.approx(LOUD, rel=1e-3)


def test_readouts_that_begin_later_have_their_end_there():
    kspace = make_kspace(first_column=10)
    assert least(kspace, [flagged(LINE + 2, 10)])[2][0].min() > 0
    assert not least(kspace, [flagged(LINE + 2, 10 + END)])[2][0].any()


@pytest.mark.parametrize(("line", "is_star"), [(4, True), (LINE - 1, False)])
def test_in_the_echos_column_of_an_epi_no_error_is_below_what_else_is_in_it(line, is_star):
    points = [flagged(other, COLUMN) for other in {line, *range(2, 20, 2)}]
    _, bursts, errors = least(turned(star()), points)
    (error,) = (each for burst, each in zip(bursts, errors, strict=True) if burst.line == line)
    assert error.ravel() == pytest.approx(LOUD if is_star else 0, rel=1e-3)


@pytest.mark.parametrize(("line", "is_outermost"), [(0, True), (2, True), (3, False), (20, False), (21, True)])
def test_in_the_outermost_readouts_it_is_so_in_all_that_have_no_reversed_ones(line, is_outermost):
    _, _, (error,) = least(star(), [flagged(line, COLUMN)])
    assert error.ravel() == pytest.approx(LOUD if is_outermost else 0, rel=1e-3)


@pytest.mark.parametrize(("away", "is_near"), [(OUTERMOST_WIDTH, True), (OUTERMOST_WIDTH + 1, False)])
def test_in_the_outermost_readouts_receivers_spread_the_column(away, is_near):
    assert least(make_kspace(), [flagged(0, COLUMN + away)])[2][0].any() == is_near


def test_readouts_that_were_not_acquired_are_none_of_the_outermost():
    kspace = make_kspace(missing_lines=range(4))
    assert least(kspace, [flagged(6, COLUMN)])[2][0].min() > 0
    assert not least(kspace, [flagged(7, COLUMN)])[2][0].any()


def test_the_rest_of_a_spark_in_the_echos_readout_tells_little():
    kspace = star()
    kspace.data[:, 0, LINE, 5:9] = 1e6
    _, _, errors = least(kspace, [flagged(LINE, 5), flagged(LINE, 8)])
    assert errors[0].ravel() == pytest.approx(LOUD, rel=1e-3)


def test_the_predictor_believes_no_candidate_more_than_that():
    kspace, points = star(), [flagged(LINE, 31)]
    around, bursts, (error,) = least(kspace, points)
    chosen = Predictor(around, bursts).auto(bursts[0], None)
    assert np.all(chosen.error >= error)
