"""Interpolation kernels, against loops over places, offsets and receivers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import object_kspace
from helpers.sparks import flag

from gadgets.repair import interpolation
from gadgets.repair.bursts import group_bursts, surround
from gadgets.repair.interpolation import predict_burst


def only_burst(kspace, points):
    (burst,) = group_bursts(kspace, points, range(len(points)))
    return surround(kspace, points), burst


def predict_slowly(data, clean, burst, offsets, bystanders=()):
    """Fit and apply the kernel by loops; also refit it without each place, for the error."""
    here = (burst.partition, burst.line, burst.start)
    targets = [(0, 0, step) for step in range(burst.length)]

    def take(place, wanted, coils):
        return np.array([data[(c, *np.add(place, offset))] for c in coils for offset in wanted])

    places = []
    for place in np.ndindex(clean.shape):
        near = all(abs(p - h) <= reach for p, h, reach in zip(place, here, interpolation.REACH, strict=True))
        wanted = [tuple(np.add(place, offset)) for offset in offsets + targets]
        inside = all(0 <= w < n for where in wanted for w, n in zip(where, clean.shape, strict=True))
        if near and inside and all(clean[where] for where in wanted):
            places.append(place)
    coils = range(len(data))
    rows = [np.concatenate([take(p, offsets, coils), take(p, targets, bystanders)]) for p in places]
    sources = np.array([row / np.linalg.norm(row) for row in rows])
    fitted = np.array([take(p, targets, burst.receivers) for p in places])
    scaled = fitted / np.array([np.linalg.norm(row) for row in rows])[:, None]
    row = np.concatenate([take(here, offsets, coils), take(here, targets, bystanders)])

    def kernel(chosen):
        s, t = sources[chosen], scaled[chosen]
        return np.linalg.solve(s.conj().T @ s + interpolation.RIDGE * np.eye(s.shape[1]), s.conj().T @ t)

    everything = np.ones(len(places), bool)
    residuals = []
    for index in range(len(places)):
        others = everything.copy()
        others[index] = False
        residuals.append(fitted[index] - rows[index] @ kernel(others))
    return row @ kernel(everything), np.array(residuals), places


@pytest.mark.parametrize("receivers", [(0, 1, 2), (1,)])
def test_kernel_is_weighted_least_squares_over_clean_places(receivers):
    kspace = object_kspace(n_coils=3, shape=(1, 20, 24))
    around, burst = only_burst(kspace, flag(kspace, 9, [11, 12], receivers=receivers))
    offsets = [(0, line, step) for line in (-1, 1) for step in (-1, 0, 1, 2)] + [(0, 0, s) for s in (-2, -1, 2, 3)]
    bystanders = [coil for coil in range(3) if coil not in receivers]
    values, residuals, places = predict_slowly(
        around.data.astype(complex), around.clean.all(axis=0), burst, offsets, bystanders
    )
    prediction = predict_burst(around, burst)
    np.testing.assert_allclose(prediction.values.ravel(), values, rtol=1e-3, atol=1e-3)
    near = [i for i, p in enumerate(places) if abs(p[1] - 9) <= 3 and abs(p[2] - 11) <= 6]
    left_out = np.sqrt(np.mean(np.abs(residuals[near]) ** 2, axis=0))
    assert np.all(prediction.error.ravel() >= 0.99 * left_out)


def test_what_is_flagged_or_not_finite_has_no_influence():
    kspace = object_kspace()
    points = flag(kspace, 16, [20, 21]) + flag(kspace, 15, [22], receivers=(2,))
    data = kspace.data.copy()
    data[0, 0, 17, 21] = np.nan
    first = replace(kspace, data=data)
    data = data.copy()
    data[:, 0, 16, 20:22] = 1e6
    data[2, 0, 15, 22] = -1e6
    results = []
    for changed in (first, replace(first, data=data)):
        around = surround(changed, points)
        burst = next(b for b in group_bursts(changed, points, range(3)) if b.line == 16)
        results.append(predict_burst(around, burst))
    np.testing.assert_array_equal(results[0].values, results[1].values)
    np.testing.assert_array_equal(results[0].error, results[1].error)


def test_exact_linear_relations_are_recovered():
    kspace = object_kspace(n_coils=2, shape=(1, 20, 20), noise=0.0)
    ky, kx = np.indices((20, 20))
    wave = np.exp(2j * np.pi * (0.13 * ky + 0.21 * kx))
    data = np.stack([wave, (0.5 - 2j) * wave])[:, None].astype(np.complex64)
    kspace = replace(kspace, data=data)
    around, burst = only_burst(kspace, flag(kspace, 10, [9, 10, 11]))
    prediction = predict_burst(around, burst)
    np.testing.assert_allclose(prediction.values, data[:, 0, 10, 9:12], rtol=5e-3)
    assert prediction.error.max() < 5e-3


def test_every_second_line_is_enough_and_neighbouring_partitions_help():
    sparse = object_kspace(n_coils=8, missing_lines=tuple(range(1, 32, 2)))
    around, burst = only_burst(sparse, flag(sparse, 16, [20]))
    assert predict_burst(around, burst) is not None
    volume = object_kspace(shape=(5, 20, 20))
    around, burst = only_burst(volume, flag(volume, 10, [10], partition=2))
    assert predict_burst(around, burst) is not None


def test_too_few_clean_places_give_no_kernel():
    kspace = object_kspace(shape=(1, 6, 8))
    points = [point for line in range(6) for point in flag(kspace, line, range(8))]
    around = surround(kspace, points)
    assert predict_burst(around, group_bursts(kspace, points, range(len(points)))[0]) is None
