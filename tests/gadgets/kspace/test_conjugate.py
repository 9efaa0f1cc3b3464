"""Conjugate symmetry about the true centre."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.kspaces import object_kspace

from gadgets.kspace import conjugate
from gadgets.kspace.conjugate import has_partner, partner, predict_conjugate, true_centre


@pytest.mark.parametrize("centre", [(0, 9, 12), (0, 8, 10), (2, 9, 12)])
def test_k_space_of_a_real_image_is_predicted_exactly(centre):
    shape = (5 if centre[0] else 1, 19, 25)
    rng = np.random.default_rng(0)
    image = 5 + rng.random((2, *shape))
    data = np.roll(np.fft.fftn(image, axes=(1, 2, 3)), centre, (1, 2, 3)).astype(np.complex64)
    assert true_centre(data) == centre
    np.testing.assert_allclose(predict_conjugate(data, data.shape, centre), data, atol=1e-5 * np.abs(data).max())


@pytest.mark.parametrize("scale", [1.0, 1e-25, 1e25])
@pytest.mark.parametrize("receivers", [[0, 1, 2], [1]])
def test_the_centre_is_told_without_what_is_missing_in_any_units(scale, receivers):
    rng = np.random.default_rng(1)
    data = rng.normal(size=(3, 2, 12, 16)) + 1j * rng.normal(size=(3, 2, 12, 16))
    data[:, 1, 5, 7] += 50
    missing = np.zeros(data.shape, bool)
    data[receivers, 0, 2, 3] += 500
    missing[receivers, 0, 2, 3] = True
    data = (scale * data).astype(np.complex64)
    assert true_centre(data) == (0, 2, 3)
    assert true_centre(data, missing) == (1, 5, 7)


def test_ordinary_samples_are_squared_in_single_precision(monkeypatch):
    monkeypatch.setattr(conjugate, "_energy_in_double", lambda *_: pytest.fail("they were not"))
    assert true_centre(object_kspace().data) == object_kspace().centre


def test_a_constant_phase_of_each_receiver_does_not_matter():
    image = 5 + np.random.default_rng(0).random((2, 1, 15, 17))
    turned = image * np.exp(1j * np.array([0.7, -2.0]))[:, None, None, None]
    data = np.roll(np.fft.fftn(turned, axes=(1, 2, 3)), (0, 7, 8), (1, 2, 3)).astype(np.complex64)
    np.testing.assert_allclose(predict_conjugate(data, data.shape, (0, 7, 8)), data, atol=1e-5 * np.abs(data).max())


def test_smooth_phase_is_taken_from_the_centre():
    data = object_kspace(n_coils=2, noise=0.0).data
    predicted = predict_conjugate(data, data.shape, true_centre(data))
    assert np.linalg.norm(predicted - data) < 0.2 * np.linalg.norm(data)


def test_partners_lie_on_the_other_side_and_must_be_clean():
    assert partner((0, 3, 5), (0, 8, 10)) == (0, 13, 15)
    clean = np.ones((2, 1, 16, 20), bool)
    clean[1, 0, 13, 15] = False
    np.testing.assert_array_equal(has_partner(clean, (0, 3, 5), (0, 8, 10)), [True, False])
    np.testing.assert_array_equal(has_partner(clean, (0, 0, 5), (0, 8, 10)), [False, False])
