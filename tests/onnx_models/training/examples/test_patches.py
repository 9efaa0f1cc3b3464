import numpy as np
import pytest
from helpers.kspaces import make_kspace, recorded_plane

from gadgets.evidence.maps import CHANNELS
from onnx_models.training.examples.patches import make_examples
from onnx_models.training.examples.phantoms import degrade, phantom_plane
from onnx_models.training.examples.recordings import recorded_planes, vary
from onnx_models.training.examples.sparks import add_sparks


@pytest.mark.parametrize("seed", range(5))
def test_sparks_are_added_to_what_is_there_and_labelled(seed):
    plane = recorded_plane(seed)
    before = plane.copy()
    sparked = add_sparks(plane, np.random.default_rng(seed), n_bursts=4)
    assert np.array_equal(plane, before)
    changed = np.abs(sparked.data - plane).max(axis=0) > 1e-3
    assert changed.any()
    assert changed[sparked.abnormal].all()
    assert not (sparked.abnormal & sparked.ignored).any()


def test_a_burst_is_one_stretch_of_at_most_eight_samples_in_a_readout():
    plane = np.full((2, 64, 64), 1e-3, dtype=np.complex64)
    for seed in range(60):
        sparked = add_sparks(plane, np.random.default_rng(seed), n_bursts=1)
        lines, samples = np.nonzero(np.abs(sparked.data - plane).max(axis=0) > 0)
        for line in np.unique(lines):
            assert np.ptp(samples[lines == line]) <= 7
        assert len(np.unique(lines)) <= 4


def test_no_bursts_leave_the_plane_as_it_is():
    plane = recorded_plane()
    sparked = add_sparks(plane, np.random.default_rng(0), n_bursts=0)
    assert np.array_equal(sparked.data, plane)
    assert not sparked.abnormal.any()


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


def test_examples_depend_on_the_seed_alone():
    recordings = {"one": [recorded_plane(1)], "two": [recorded_plane(2)]}
    alone, together = (make_examples(recordings, 50, seed=4, processes=n) for n in (1, 2))
    assert np.array_equal(alone.patches, together.patches)
    assert np.array_equal(alone.masks, together.masks)
    assert alone.patches.shape[1:] == (len(CHANNELS), 32, 32)
    assert (alone.masks == 1).any()
    assert np.isfinite(alone.patches).all()
