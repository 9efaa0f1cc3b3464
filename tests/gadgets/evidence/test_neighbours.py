import numpy as np
import pytest
from helpers.kspaces import make_kspace, make_plane

from gadgets.evidence.neighbours import NEIGHBOURS, predict, virtual_receivers


def test_a_plane_that_obeys_a_recurrence_is_predicted():
    line, sample = np.meshgrid(np.arange(48), np.arange(64), indexing="ij")
    waves = [(0.3, 0.2), (-0.15, 0.4), (0.05, -0.3)]
    plane = np.stack(
        [
            sum(w * np.exp(1j * (a * line + b * sample)) for w, (a, b) in zip(weights, waves, strict=True))
            for weights in ([1, 2, 1], [2, 1, 1j])
        ]
    ).astype(np.complex64)
    level = np.full((48, 64), 2.0)
    inner = (slice(None), slice(4, -4), slice(4, -4))
    predicted = predict(plane, level, noise=1e-6)
    assert np.abs(predicted - plane)[inner].max() < 0.02 * np.abs(plane).max()


def test_noise_is_not_predicted():
    plane = make_kspace(2, 3, (1, 32, 32), signal=0.0).data[:, 0]
    assert not predict(plane, np.ones((32, 32)), noise=1.0).any()


def test_virtual_receivers_keep_the_signal():
    rng = np.random.default_rng(6)
    two = rng.standard_normal((2, 16, 16)) + 1j * rng.standard_normal((2, 16, 16))
    plane = np.tensordot(rng.standard_normal((10, 2)), two, 1)
    virtual = virtual_receivers(plane, 2)
    assert virtual.shape == (10, 2)
    assert np.linalg.norm(np.tensordot(virtual.T, plane, 1)) == pytest.approx(np.linalg.norm(plane))


def test_a_sample_is_never_its_own_source():
    assert (0, 0) not in NEIGHBOURS


def test_a_single_readout_is_not_predicted_from_itself():
    plane = make_plane(shape=(1, 256), signal=200.0)
    level = np.full((1, 256), 20.0)
    error = np.abs(plane - predict(plane, level, noise=0.1))
    assert np.median(error) > 0.5
