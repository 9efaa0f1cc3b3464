"""The least errors: where a line is loud and all beside it quiet, what is measured around a burst does not hold."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_kspace

from gadgets.records import Point
from gadgets.repair.at_hand import END, least_error
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


def least(kspace, points, centre=None):
    around, bursts = surround(kspace, points), group_bursts(kspace, points, range(len(points)))
    return around, bursts, [least_error(around, burst, centre) for burst in bursts]


@pytest.mark.parametrize(
    ("sample", "is_end"), [(0, True), (END - 1, True), (END, False), (31 - END, False), (31, True)]
)
def test_at_the_ends_of_a_readout_no_error_is_below_what_is_beside(sample, is_end):
    _, _, (error,) = least(star(), [flagged(LINE, sample)])
    assert error.ravel() == pytest.approx(LOUD if is_end else 0, rel=1e-3)


def test_what_else_is_flagged_at_the_end_of_a_readout_tells_nothing():
    kspace = star()
    kspace.data[:, 0, LINE, 3:6] = 1e6
    points = [flagged(LINE, 0), *(flagged(LINE, sample) for sample in range(3, 6))]
    assert least(kspace, points)[2][0].ravel() == pytest.approx(LOUD, rel=1e-3)


def test_readouts_that_begin_later_have_their_end_there():
    kspace = make_kspace(first_column=10)
    assert least(kspace, [flagged(LINE, 10)])[2][0].min() > 0
    assert not least(kspace, [flagged(LINE, 10 + END)])[2][0].any()


@pytest.mark.parametrize(
    ("line", "centre", "is_star"), [(4, CENTRE, True), (4, None, False), (LINE - 1, CENTRE, False)]
)
def test_in_the_echos_column_of_an_epi_no_error_is_below_what_else_is_in_it(line, centre, is_star):
    kspace = star()
    points = [flagged(other, COLUMN) for other in {line, *range(2, 20, 2)}]
    _, bursts, errors = least(kspace, points, centre)
    (error,) = (each for burst, each in zip(bursts, errors, strict=True) if burst.line == line)
    assert error.ravel() == pytest.approx(LOUD if is_star else 0, rel=1e-3)


def test_the_predictor_believes_no_candidate_more_than_that():
    kspace, points = star(), [flagged(LINE, 31)]
    around, bursts, (error,) = least(kspace, points)
    chosen = Predictor(around, bursts).auto(bursts[0], None)
    assert np.all(chosen.error >= error)
