"""Training needs torch; these examples do not."""

import numpy as np
import pytest
from helpers.kspaces import make_plane

from gadgets.patch_models.sample_predictions import FIELDS
from onnx_models.training.examples.pairs import N_RECEIVERS, pairs_of
from onnx_models.training.examples.patches import joined


@pytest.fixture(scope="module", params=[1, 4])
def pairs(request):
    rng = np.random.default_rng(4)
    return joined([pairs_of(make_plane(seed, request.param, (70, 90)), rng) for seed in range(6)])


def test_every_pair_holds_abnormal_samples_and_what_the_receivers_recorded(pairs):
    n = len(pairs)
    assert n > 3
    assert (pairs.masks == 1).any(axis=(1, 2)).all()
    assert pairs.seen.shape == (n, N_RECEIVERS, len(FIELDS), 2, 32, 32)
    assert pairs.sparks.shape == (n, N_RECEIVERS, 2, 32, 32)


def test_recorded_less_the_spark_is_ordinary(pairs):
    hardest = slice(0, 1)
    abnormal = np.broadcast_to((pairs.masks == 1)[:, None, None], pairs.sparks[:, hardest].shape)
    recorded, sparks = (
        values[:, hardest].astype(np.float32)[abnormal] for values in (pairs.seen[:, :, 0], pairs.sparks)
    )
    assert np.median(np.abs(recorded - sparks)) < 1.5
    assert np.median(np.abs(recorded)) > 2 * np.median(np.abs(recorded - sparks))


def test_predictions_that_withhold_sparks_come_close_to_them(pairs):
    abnormal = np.broadcast_to((pairs.masks == 1)[:, None, None], pairs.sparks.shape)
    sparks = pairs.sparks.astype(np.float32)[abnormal]
    for field in (1, 2):
        left = pairs.seen[:, :, field].astype(np.float32)[abnormal] - sparks
        assert np.median(np.abs(left)) < 0.4 * np.median(np.abs(sparks))


def test_the_same_seed_gives_the_same_pairs():
    first, second = (pairs_of(make_plane(1, 3, (70, 90)), np.random.default_rng(8)) for _ in range(2))
    assert np.array_equal(first.seen, second.seen)
    assert np.array_equal(first.sparks, second.sparks)


def test_a_plane_that_stays_clean_gives_no_pairs():
    counts = [len(pairs_of(make_plane(1, 2, (40, 40)), np.random.default_rng(seed))) for seed in range(8)]
    assert 0 in counts
    assert max(counts) > 0
