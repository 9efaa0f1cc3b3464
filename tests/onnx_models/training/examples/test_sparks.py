import numpy as np
import pytest
from helpers.kspaces import recorded_plane

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
