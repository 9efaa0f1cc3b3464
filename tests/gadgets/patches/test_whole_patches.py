from dataclasses import replace

import numpy as np
import pytest
from helpers.fakes import point
from helpers.kspaces import make_scan

from gadgets.calibration import calibrate
from gadgets.errors import RawDataError
from gadgets.kspace.planes import planes_of
from gadgets.patches.whole_patches import pack, unpack, write_patches
from gadgets.records import TargetPatch
from gadgets.settings.definitions import CalibrationSettings

SHAPE = (1, 8, 10)


def patch_at(anchor, samples, shape=SHAPE):
    return TargetPatch(anchor=anchor, shape=shape, probability=1, model="made up", samples=pack(samples))


def random_samples(n_coils, shape=SHAPE):
    rng = np.random.default_rng(3)
    return (rng.standard_normal((n_coils, *shape)) + 1j * rng.standard_normal((n_coils, *shape))).astype(np.complex64)


def test_samples_survive_a_record_bit_by_bit():
    samples = random_samples(2)
    patch = patch_at((0, 0, 0), samples)
    again = TargetPatch.model_validate_json(patch.model_dump_json())
    assert np.array_equal(unpack(again, 2), samples)


def test_a_patch_with_a_point_is_replaced_and_nothing_else():
    kspace = make_scan(2, shape=(30, 40))
    samples = random_samples(2)
    data, written = write_patches(kspace, [patch_at((0, 5, 7), samples)], [point(kspace, 0, 6, 9)])
    assert written == ((0, 5, 7),)
    assert np.array_equal(data[:, 0, 5:13, 7:17], samples[:, 0])
    data[:, 0, 5:13, 7:17] = kspace.data[:, 0, 5:13, 7:17]
    assert np.array_equal(data, kspace.data)


def test_a_patch_without_a_point_stays():
    kspace = make_scan(2, shape=(30, 40))
    data, written = write_patches(kspace, [patch_at((0, 5, 7), random_samples(2))], [point(kspace, 0, 4, 9)])
    assert written == ()
    assert np.array_equal(data, kspace.data)


def test_lines_that_were_not_acquired_or_were_acquired_backwards_keep_their_places():
    kspace = make_scan(2, shape=(60, 40))
    sampled = np.zeros_like(kspace.sampled)
    sampled[0, 1::3, 4:] = True
    reverse = np.zeros((1, 60), dtype=bool)
    reverse[0, 1::6] = True
    sampled[reverse] = sampled[reverse][:, ::-1]
    kspace = replace(kspace, data=np.where(sampled, kspace.data, 0), sampled=sampled, reversed_lines=reverse)
    (plane,) = planes_of(kspace)
    samples = plane.data[:, None, 4:12, 20:30] + 1000
    anchor = plane.place(4, 20)
    data, written = write_patches(kspace, [patch_at(anchor, samples)], [point(kspace, *plane.place(5, 22))])
    assert written == (anchor,)
    (after,) = planes_of(replace(kspace, data=data))
    expected = plane.data.copy()
    expected[:, 4:12, 20:30] += 1000
    assert np.array_equal(after.data, expected)
    assert np.array_equal(data[:, ~sampled], kspace.data[:, ~sampled])


def test_a_cuboid_reaches_over_partitions():
    kspace = make_scan(1, n_partitions=4, shape=(20, 24))
    samples = random_samples(1, (2, 8, 10))
    data, _ = write_patches(kspace, [patch_at((1, 3, 4), samples, (2, 8, 10))], [point(kspace, 2, 5, 6)])
    assert np.array_equal(data[:, 1:3, 3:11, 4:14], samples)


def test_what_reaches_over_the_border_or_is_not_finite_is_left_out():
    kspace = make_scan(1, shape=(20, 24))
    samples = random_samples(1)
    samples[0, 0, 0, 0] = np.nan
    data, _ = write_patches(kspace, [patch_at((0, 16, 18), samples)], [point(kspace, 0, 17, 19)])
    assert data[0, 0, 16, 18] == kspace.data[0, 0, 16, 18]
    assert np.array_equal(data[0, 0, 17:, 18:], samples[0, 0, 1:4, :6])


def test_a_patch_that_does_not_fit_is_refused():
    kspace = make_scan(2, shape=(20, 24))
    points = [point(kspace, 0, 17, 19)]
    with pytest.raises(RawDataError, match="expected 2560 bytes of samples for 4 receivers"):
        write_patches(make_scan(4, shape=(20, 24)), [patch_at((0, 16, 18), random_samples(2))], points)
    with pytest.raises(RawDataError, match="begins at an acquired line"):
        write_patches(kspace, [patch_at((3, 16, 18), random_samples(2))], points)


def test_calibration_replaces_whole_patches_on_request_only():
    kspace = make_scan(2, shape=(30, 40))
    data = kspace.data.copy()
    data[:, 0, 6, 9] += 500
    sparked = replace(kspace, data=data)
    patch = patch_at((0, 5, 7), kspace.data[:, :1, 5:13, 7:17] + 1)
    points = [point(kspace, 0, 6, 9)]
    whole, record = calibrate(sparked, points, CalibrationSettings(), patches=[patch])
    assert record.patches == ((0, 5, 7),)
    changed = np.argwhere((whole != sparked.data).any(axis=0))
    assert len(changed) == 80
    assert changed.min(axis=0).tolist() == [0, 5, 7]
    assert changed.max(axis=0).tolist() == [0, 12, 16]
    pointwise, alone = calibrate(
        sparked, points, CalibrationSettings(), patches=[patch.model_copy(update={"samples": ""})]
    )
    assert alone.patches == ()
    assert np.argwhere((pointwise != sparked.data).any(axis=0)).tolist() == [[0, 6, 9]]
    zero, by_name = calibrate(sparked, points, CalibrationSettings(method="zero"), patches=[patch])
    assert by_name.patches == ()
    assert (zero[:, 0, 6, 9] == 0).all()
