"""Examples of cuboids of volumes: training needs torch; without it these tests skip."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from onnx_models.training.examples.volumes import cuboids_of, make_cuboids, phantom_volume, volumes_among


def test_a_volume_is_cut_into_cuboids_with_the_sparks_put_in():
    rng = np.random.default_rng(0)
    volume = phantom_volume(rng)
    assert volume.ndim == 4
    assert min(volume.shape[1:]) >= 24
    made = cuboids_of(volume, rng)
    assert made.patches.shape[1:] == (12, 8, 16, 16)
    assert made.positions.shape == (len(made), 5)
    labelled = (made.masks == 1).any(axis=(1, 2, 3))
    assert 0 < labelled.sum() < len(made)
    striking = made.patches[:, 0].astype(np.float32)
    assert striking[made.masks == 1].mean() > striking[made.masks == 0].mean() + 1


def test_planes_of_one_size_are_a_volume_if_they_are_many():
    partitions = [np.full((2, 24, 30), number, dtype=np.complex64) for number in range(32)]
    cuts = [np.zeros((2, 32, 30), dtype=np.complex64)] * 3
    (volume,) = volumes_among([*partitions, *cuts])
    assert volume.shape == (2, 32, 24, 30)
    assert (volume[0, :, 0, 0] == np.arange(32)).all()
    assert volumes_among(partitions[:12]) == []


def test_cuboids_do_not_depend_on_the_number_of_processes():
    recordings = {"one": [np.ones((1, 26, 30), dtype=np.complex64)] * 32}
    alone, shared = (make_cuboids(recordings, 2, 7, processes) for processes in (1, 2))
    assert np.array_equal(alone.patches, shared.patches)
    assert np.array_equal(alone.masks, shared.masks)
