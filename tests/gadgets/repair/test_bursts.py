"""Bursts and what surrounds them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_kspace
from helpers.sparks import flag

from gadgets.kspace.mirroring import mirrored
from gadgets.repair.bursts import MAX_LENGTH, group_bursts, surround
from gadgets.repair.ground.together import Together


def reversed_kspace():
    reverse = np.zeros((1, 24), bool)
    reverse[0, 5] = True
    return replace(make_kspace(), reversed_lines=reverse)


def test_consecutive_samples_of_a_readout_are_one_burst_whatever_their_order():
    kspace = make_kspace()
    points = flag(kspace, 4, [9, 7, 8], (1,)) + flag(kspace, 4, [11], (0, 2)) + flag(kspace, 5, [12])
    bursts = group_bursts(kspace, points, range(5))
    assert [(b.line, b.start, b.stop, list(b.receivers)) for b in bursts] == [
        (4, 7, 10, [1]),
        (4, 11, 12, [0, 2]),
        (5, 12, 13, [0, 1, 2]),
    ]
    assert bursts[0].points == ((1, 0), (2, 1), (0, 2))


def test_reversed_readouts_are_mirrored():
    kspace = reversed_kspace()
    (burst,) = group_bursts(kspace, flag(kspace, 5, [0, 1]), range(2))
    assert (burst.start, burst.stop, burst.points) == (30, 32, ((1, 0), (0, 1)))
    around = surround(kspace, flag(kspace, 5, [0, 1]))
    np.testing.assert_array_equal(around.data[:, 0, 5], kspace.data[:, 0, 5, ::-1])
    assert around.missing[:, 0, 5, 30:].all()
    np.testing.assert_array_equal(mirrored(around.data, kspace.reversed_lines), kspace.data)


def test_what_was_recorded_keeps_no_readout_in_memory():
    kspace = reversed_kspace()
    for line in (4, 5):
        (burst,) = group_bursts(kspace, flag(kspace, line, [3, 4]), range(2))
        recorded = burst.recorded_in(kspace)
        assert np.array_equal(recorded, burst.of(surround(kspace, []).data))
        assert recorded.base is None or recorded.base.size == recorded.size


def test_long_runs_are_cut():
    kspace = make_kspace()
    bursts = group_bursts(kspace, flag(kspace, 3, range(20)), range(20))
    assert [burst.length for burst in bursts] == [MAX_LENGTH, 20 - MAX_LENGTH]


def test_what_is_not_finite_or_not_sampled_is_not_clean():
    kspace = make_kspace(missing_lines=(2,))
    data = kspace.data.copy()
    data[1, 0, 7, 7] = np.nan
    around = surround(replace(kspace, data=data), flag(kspace, 9, [3], (0,)))
    assert np.isfinite(around.data).all()
    assert np.argwhere(around.missing).tolist() == [[0, 0, 9, 3], [1, 0, 7, 7]]
    np.testing.assert_array_equal(around.clean, kspace.sampled & ~around.missing)


def test_bursts_in_a_row_are_what_each_of_them_is_alone():
    kspace = make_kspace()
    points = flag(kspace, 4, [7, 8, 9], (0, 2)) + flag(kspace, 4, [12]) + flag(kspace, 9, [3, 4], (1,))
    bursts = group_bursts(kspace, points, range(len(points)))
    row = Together(bursts)
    values = row.of(kspace.data[:, 0])
    assert values.shape == (3 * 2 + 3 + 2,)
    for number, burst in enumerate(bursts):
        there = burst.of(kspace.data)
        np.testing.assert_array_equal(row.part(values, burst), there)
        assert row.overall(np.abs(values))[number] == pytest.approx(np.sqrt(np.mean(np.abs(there) ** 2)))
        assert (row.part(row.spread(np.arange(len(bursts))), burst) == number).all()
        assert (row.part(row.steps, burst) == np.arange(burst.length)).all()
        assert (row.part(row.lengths, burst) == burst.length).all()
        assert row.any(values == there[0, 0]).tolist() == [each is burst for each in bursts]
        assert burst in row
    assert replace(bursts[0]) not in row
