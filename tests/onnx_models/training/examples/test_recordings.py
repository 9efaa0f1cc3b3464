from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_kspace, recorded_plane

from onnx_models.training.examples.degradations import degrade
from onnx_models.training.examples.recordings import recorded_planes, vary


@pytest.mark.parametrize("seed", range(12))
def test_varied_recordings_stay_finite(seed):
    rng = np.random.default_rng(seed)
    plane = vary(recorded_plane(seed, n_coils=4), rng)
    assert np.isfinite(plane).all()
    assert 1 <= plane.shape[0] <= 4
    assert np.isfinite(degrade(plane, rng)).all()


def test_recorded_planes_hold_the_acquired_lines():
    kspace = make_kspace(shape=(2, 24, 32), missing_lines=(1, 5))
    planes = recorded_planes([kspace])
    assert [plane.shape for plane in planes] == [(3, 22, 32)] * 2
    assert np.array_equal(planes[1][:, 0], kspace.data[:, 1, 0])


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_planes_with_samples_that_are_no_numbers_are_left_out(odd):
    kspace = make_kspace(shape=(2, 24, 32))
    kspace.data[1, 0, 3, 5] = odd
    (plane,) = recorded_planes([kspace])
    assert np.array_equal(plane, kspace.data[:, 1])


@pytest.mark.parametrize("factor", [1e-33, 1e30])
def test_planes_in_units_whose_squares_vanish_get_others(factor):
    kspace = make_kspace(shape=(1, 24, 32))
    (plane,) = recorded_planes([replace(kspace, data=(kspace.data * factor).astype(np.complex64))])
    assert np.isfinite(np.vdot(plane, plane))
    assert np.vdot(plane, plane).real > 0
    assert np.isfinite(vary(plane, np.random.default_rng(0))).all()
