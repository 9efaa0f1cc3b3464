"""Samples beside a burst that nobody flagged, and that spoil what is put in."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.kspaces import object_kspace
from helpers.sparks import flag, with_spark_at

from gadgets.repair.beside import Beside
from gadgets.repair.fill import repair
from gadgets.settings.definitions import CalibrationSettings

FLAGGED = range(13, 20)
LINE = 16


def error_left(truth, hit, points):
    """Error of the repaired k-space over that of the one with sparks, and what became of the points."""
    after, record = repair(hit, points, CalibrationSettings())
    return np.linalg.norm(after.data - truth.data) / np.linalg.norm(hit.data - truth.data), record


def believe_everything(monkeypatch):
    monkeypatch.setattr(Beside, "weigh", lambda _, __, candidate: candidate)


@pytest.mark.parametrize("unflagged", [12, 20])
@pytest.mark.parametrize("seed", range(2))
def test_a_spark_beside_what_is_flagged_is_not_carried_into_it(unflagged, seed, monkeypatch):
    truth = object_kspace(seed, n_coils=1)
    hit = with_spark_at(truth, flag(truth, LINE, [unflagged]), amplitude=60.0)
    points = flag(truth, LINE, FLAGGED)
    left, record = error_left(truth, hit, points)
    assert left == 1
    assert record.n_repaired == 0
    believe_everything(monkeypatch)
    assert error_left(truth, hit, points)[0] > 2


@pytest.mark.parametrize("n_coils", [1, 3])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_burst_whose_last_sample_is_not_flagged_comes_out_better(n_coils, reverse, monkeypatch):
    truth = object_kspace(n_coils=n_coils)
    if reverse:
        truth.data[:, 0, LINE] = truth.data[:, 0, LINE, ::-1]
        truth.reversed_lines[0, LINE] = True
    spark = flag(truth, LINE, [27, 28, 29, 30] if reverse else [9, 10, 11, 12])
    hit, points = with_spark_at(truth, spark), spark[1:] if reverse else spark[:-1]
    left, record = error_left(truth, hit, points)
    assert left < 0.9
    assert record.n_repaired > 0
    believe_everything(monkeypatch)
    assert error_left(truth, hit, points)[0] > 1


def test_the_ends_of_a_readout_have_one_side_only():
    truth = object_kspace()
    points = flag(truth, LINE, [0]) + flag(truth, LINE, [39])
    left, record = error_left(truth, with_spark_at(truth, points), points)
    assert record.n_repaired == 2
    assert left < 0.1
