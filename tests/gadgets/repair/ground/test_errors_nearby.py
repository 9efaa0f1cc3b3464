"""Errors measured in the shape of a burst, against a loop over clean places."""

from __future__ import annotations

import numpy as np
import pytest

from gadgets.repair.bursts import Burst
from gadgets.repair.ground import errors_nearby
from gadgets.repair.ground.errors_nearby import errors_around, shape_error
from gadgets.repair.ground.together import Together


def burst_at(line, start, length, receivers=(0, 1)):
    return Burst(0, line, start, start + length, np.array(receivers), ())


@pytest.mark.parametrize(("line", "start"), [(6, 8), (0, 0), (11, 14)])
@pytest.mark.parametrize("resolved", [False, True])
def test_error_is_the_root_mean_square_over_clean_places(line, start, resolved):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 12, 16)) + 1j * rng.normal(size=(2, 12, 16))
    clean = rng.random((2, 12, 16)) < 0.9
    resolution = rng.normal(size=(2, 2)) if resolved else None
    expected = np.zeros((2, 2))
    for coil in range(2):
        found = []
        for there in range(max(0, line - 3), min(12, line + 4)):
            for first in range(max(0, start - 6), min(16, start + 8) - 1):
                if clean[coil, there, first : first + 2].all():
                    taken = values[coil, there, first : first + 2]
                    found.append(np.abs(resolution @ taken if resolved else taken) ** 2)
        expected[coil] = np.sqrt(np.mean(found, axis=0))
    np.testing.assert_allclose(shape_error(values, clean, burst_at(line, start, 2), (3, 4), resolution), expected)


def test_error_is_unknown_where_there_are_too_few_clean_places():
    clean = np.ones((2, 12, 16), bool)
    clean[1] = False
    error = shape_error(np.ones((2, 12, 16), complex), clean, burst_at(6, 8, 2), (3, 4))
    np.testing.assert_array_equal(error, [[1, 1], [np.inf, np.inf]])


@pytest.mark.parametrize("shape", [(2, 40, 48), (2, 6, 7)])
@pytest.mark.parametrize("resolved", [False, True])
def test_errors_of_many_bursts_are_those_of_each(shape, resolved):
    rng = np.random.default_rng(1)
    values = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    clean = rng.random(shape) < 0.9
    bursts = [
        Burst(0, line, start, start + length, np.array(receivers), ())
        for line, start, length, receivers in (
            *((line, start, 1, (0, 1)) for line in (0, shape[1] // 2) for start in (0, 3, shape[2] // 2)),
            *((2, start, 2, (1,)) for start in (shape[2] // 2, shape[2] // 2 - 2)),
            (shape[1] - 1, shape[2] - 1, 1, (0,)),
        )
    ]

    def resolution(length):
        return np.linalg.inv(np.eye(length) * 2.0 + 0.1j * (np.eye(length, k=1) - np.eye(length, k=-1)))

    row = Together(bursts)
    errors = errors_around(values, clean, row, (3, 4), resolution if resolved else None)
    for burst in bursts:
        matrix = resolution(burst.length) if resolved else None
        expected = shape_error(values, clean, burst, (3, 4), matrix)
        np.testing.assert_allclose(row.part(errors, burst), expected, rtol=1e-6)


def test_bursts_with_windows_of_one_shape_are_measured_together(monkeypatch):
    measured, measure = [], errors_nearby._shape_errors
    monkeypatch.setattr(errors_nearby, "_shape_errors", lambda *told: measured.append(len(told[2])) or measure(*told))
    values, clean = np.ones((2, 40, 48), np.complex64), np.ones((2, 40, 48), bool)
    row = Together([burst_at(line, 20, length) for line in (0, 12, 20, 39) for length in (1, 2)])
    np.testing.assert_array_equal(errors_around(values, clean, row, (3, 4)), 1)
    assert sorted(measured) == [2, 2, 2], "single samples at two borders, pairs there, and pairs inside"
