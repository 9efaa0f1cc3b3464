"""Prediction from the image's background, against the same least squares written out."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.kspaces import object_kspace

from gadgets.background import missing_samples
from gadgets.background.image_support import predict_from_support


def missing_at(plane, *places):
    missing = np.zeros(plane.shape, bool)
    for coil, line, sample in places:
        missing[coil, line, sample] = True
    return missing


def fill_slowly(plane, missing, precision):
    """Minimise sum |image|^2 precision over the missing samples, with the transform as a matrix."""
    n_y, n_x = plane.shape[1:]
    waves = np.exp(-2j * np.pi * np.outer(np.arange(n_y), np.arange(n_y)) / n_y)
    waves = np.kron(waves, np.exp(-2j * np.pi * np.outer(np.arange(n_x), np.arange(n_x)) / n_x))
    weights = np.sqrt(precision.ravel().astype(float))[:, None]
    filled = plane.astype(complex)
    for coil in range(len(plane)):
        there = np.flatnonzero(missing[coil])
        known = np.where(missing[coil], 0, filled[coil]).ravel()
        solution = np.linalg.lstsq(weights * waves[:, there], -weights[:, 0] * (waves @ known), rcond=None)[0]
        filled[coil].reshape(-1)[there] = solution
    return filled


def test_missing_samples_make_the_background_as_dark_as_least_squares_can():
    plane = object_kspace(n_coils=2, shape=(1, 12, 16)).data[:, 0]
    missing = missing_at(plane, (0, 6, 8), (0, 6, 9), (1, 6, 8), (1, 2, 15))
    prediction = predict_from_support(plane, missing)
    image = np.fft.fft2(np.where(missing, 0, prediction.filled))
    # The correlation is the inverse transform of the precision that was used last.
    precision = np.fft.fft2(prediction.correlation).real
    assert image.shape == (2, 12, 16)
    np.testing.assert_allclose(
        prediction.filled, fill_slowly(plane, missing, precision), atol=2e-3 * np.abs(plane).max()
    )


def test_innovation_is_what_leaving_out_a_single_sample_would_give():
    plane = object_kspace(n_coils=1, shape=(1, 16, 16)).data[:, 0]
    prediction = predict_from_support(plane, np.zeros(plane.shape, bool))
    precision = np.fft.fft2(prediction.correlation).real
    for line, sample in [(8, 8), (3, 12)]:
        missing = missing_at(plane, (0, line, sample))
        left_out = plane[0, line, sample] - fill_slowly(plane, missing, precision)[0, line, sample]
        np.testing.assert_allclose(prediction.innovation[0, line, sample], left_out, rtol=1e-3, atol=1e-3)


def test_burst_resolution_is_leaving_out_a_burst():
    plane = object_kspace(n_coils=1, shape=(1, 16, 20)).data[:, 0]
    prediction = predict_from_support(plane, np.zeros(plane.shape, bool))
    precision = np.fft.fft2(prediction.correlation).real
    missing = missing_at(plane, *[(0, 5, sample) for sample in (7, 8, 9)])
    left_out = (plane - fill_slowly(plane, missing, precision))[0, 5, 7:10]
    np.testing.assert_allclose(
        prediction.burst_resolution(3) @ prediction.weighted[0, 5, 7:10], left_out, rtol=1e-2, atol=1e-2
    )


def test_known_samples_keep_their_values():
    plane = object_kspace().data[:, 0]
    missing = missing_at(plane, (1, 16, 20))
    filled = predict_from_support(plane, missing).filled
    np.testing.assert_allclose(filled[~missing], plane[~missing], rtol=1e-6)


def test_many_unknowns_are_solved_iteratively_to_the_same_result(monkeypatch):
    plane = object_kspace(n_coils=2).data[:, 0]
    missing = np.random.default_rng(0).random(plane.shape) < 0.03
    direct = predict_from_support(plane, missing)
    monkeypatch.setattr(missing_samples, "DIRECT_LIMIT", 4)
    iterative = predict_from_support(plane, missing)
    np.testing.assert_allclose(iterative.filled, direct.filled, atol=0.02 * np.abs(plane[missing]).max())
    assert not iterative.variance.values.any()


@pytest.mark.parametrize("value", [0, 1])
def test_planes_without_any_signal_stay_finite(value):
    plane = np.full((2, 8, 8), value, np.complex64)
    plane[1] = 0
    prediction = predict_from_support(plane, missing_at(plane, (0, 4, 4), (1, 4, 4)))
    assert np.isfinite(prediction.filled).all()
    assert np.isfinite(prediction.innovation).all()
    assert prediction.filled[1, 4, 4] == 0
