import numpy as np
import pytest

from onnx_models.training.examples.phantoms import phantom_plane


@pytest.mark.parametrize("seed", range(12))
def test_phantoms_are_finite_and_large_enough(seed):
    plane = phantom_plane(np.random.default_rng(seed))
    assert plane.dtype == np.complex64
    assert plane.ndim == 3
    assert min(plane.shape[1:]) >= 16
    assert np.isfinite(plane).all()
    assert np.abs(plane).max() > 0


def test_the_same_seed_draws_the_same_phantom():
    first, second = (phantom_plane(np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)
