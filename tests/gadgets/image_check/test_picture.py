"""The image that is checked: that of ImageFFT where all was sampled, filled by conjugate symmetry where it was not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import body_kspace

from gadgets.image.reconstruction import reconstruct
from gadgets.image_check.picture import image_to_check
from gadgets.kspace.readout import Encoding, Limits
from pipelines.files.read_kspaces import read_kspaces


def unsampled(kspace, lines=slice(0), samples=slice(0)):
    sampled = kspace.sampled.copy()
    sampled[:, lines] = False
    sampled[:, :, samples] = False
    return replace(kspace, data=np.where(sampled, kspace.data, 0), sampled=sampled)


def distance(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("shape", [(1, 48, 64), (6, 24, 32)])
def test_what_is_fully_sampled_is_the_image_of_image_fft(shape):
    kspace = body_kspace(shape)
    encoding = Encoding(shape[::-1], shape[::-1], Limits(0, shape[1] // 2, shape[1] - 1))
    np.testing.assert_array_equal(image_to_check(kspace), reconstruct(kspace, encoding))


def test_real_kspaces_give_the_image_of_image_fft(data_folder):
    kspace = next(read_kspaces(data_folder / "siemens_brain_gre_16ch.h5")).kspace
    encoding = Encoding((128, 128, 1), (128, 128, 1), Limits(0, 64, 127))
    np.testing.assert_array_equal(image_to_check(kspace), reconstruct(kspace, encoding))


@pytest.mark.parametrize(
    "missing", [{"lines": slice(0, 16)}, {"lines": slice(34, 48)}, {"samples": slice(0, 20)}], ids=["pf", "end", "echo"]
)
def test_partial_fourier_is_filled_from_the_other_side(missing):
    kspace = body_kspace()
    partial = unsampled(kspace, **missing)
    whole = image_to_check(kspace)
    encoding = Encoding((64, 48, 1), (64, 48, 1), Limits(0, 24, 47))
    zero_filled = distance(reconstruct(partial, encoding), whole)
    assert distance(image_to_check(partial), whole) < 0.35 * zero_filled


def test_what_has_no_partner_stays_zero():
    kspace = unsampled(body_kspace(), lines=slice(1, None, 2))
    encoding = Encoding((64, 48, 1), (64, 48, 1), Limits(0, 24, 47))
    np.testing.assert_allclose(image_to_check(kspace), reconstruct(kspace, encoding), rtol=1e-4, atol=1e-4)


def test_the_matrix_reaches_as_far_on_both_sides():
    kspace = body_kspace()
    cut = replace(
        kspace,
        data=kspace.data[..., 20:].copy(),
        sampled=kspace.sampled[..., 20:].copy(),
        centre=(0, 24, 12),
    )
    image = image_to_check(cut)
    assert image.shape == (1, 48, 64)
    assert distance(image, image_to_check(kspace)) < 0.1


def test_a_loud_spark_is_not_taken_for_the_centre():
    kspace = unsampled(body_kspace(), lines=slice(0, 16))
    sparked = kspace.data.copy()
    sparked[:, 0, 40, 50] += 100 * np.abs(sparked).max()
    # One wave more, of constant magnitude; its partner is filled as well, and no sample of another centre.
    assert np.isfinite(image_to_check(replace(kspace, data=sparked))).all()
    weak = kspace.data.copy()
    weak[:, 0, 40, 50] += 2 * np.abs(weak).max()
    plain = image_to_check(kspace)
    assert distance(image_to_check(replace(kspace, data=weak)), plain) < 3


def test_samples_that_are_not_finite_count_as_not_sampled():
    kspace = body_kspace()
    data = kspace.data.copy()
    data[0, 0, 3, 4] = np.nan
    image = image_to_check(replace(kspace, data=data))
    assert distance(image, image_to_check(kspace)) < 1e-3


def test_an_empty_kspace_has_an_empty_image():
    kspace = unsampled(body_kspace(), lines=slice(0, 48))
    assert not image_to_check(kspace).any()
