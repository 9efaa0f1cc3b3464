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
