from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_kspace

from pipelines.benchmark.readouts import stack_readouts
from pipelines.benchmark.rivals import (
    RIVALS,
    ScanRival,
    global_threshold,
    local_median,
    robust_pca,
    split_low_rank,
)
from pipelines.benchmark.rivals_in_time import earlier_median, space_time_median


def naive_local_median(stack):
    """Loop over every sample; the border repeats itself mirrored."""
    repaired = stack.copy()
    padded = np.pad(np.abs(stack), ((0, 0), (2, 2), (2, 2)), mode="symmetric")
    for coil, line, sample in np.ndindex(stack.shape):
        surroundings = np.median(padded[coil, line : line + 5, sample : sample + 5])
        floor = np.median(np.abs(stack[coil])) / 2
        if abs(stack[coil, line, sample]) > 6.5 * max(surroundings, floor):
            repaired[coil, line, sample] = 0
    return repaired


def with_spike(kspace, place, value):
    data = kspace.data.copy()
    data[place] += value
    return replace(kspace, data=data)


@pytest.mark.parametrize("missing", [(), (1, 3, 5)])
def test_local_median_agrees_with_a_loop(missing):
    kspace = make_kspace(missing_lines=missing, first_column=4)
    kspace = with_spike(kspace, (1, 0, 2, 8), 50)
    repaired = replace(kspace, data=local_median(kspace))
    np.testing.assert_array_equal(stack_readouts(repaired), naive_local_median(stack_readouts(kspace)))
    assert repaired.data[1, 0, 2, 8] == 0


def test_global_threshold_spares_the_centre():
    kspace = with_spike(make_kspace(shape=(1, 64, 64)), (0, 0, 3, 3), 300)
    changed = np.argwhere(global_threshold(kspace) != kspace.data)
    assert [0, 0, 3, 3] in changed.tolist()
    assert np.all(np.hypot(changed[:, 2] - 32, changed[:, 3] - 32) > 0.1 * 31)


def test_robust_pca_separates_low_rank_from_sparse():
    rng = np.random.default_rng(1)
    low_rank = np.outer(rng.normal(size=40) + 1j * rng.normal(size=40), rng.normal(size=50))
    sparse = np.zeros_like(low_rank)
    sparse[rng.integers(0, 40, 20), rng.integers(0, 50, 20)] = 20
    found_low_rank, found_sparse = split_low_rank(low_rank + sparse)
    np.testing.assert_allclose(found_low_rank, low_rank, atol=0.01 * np.abs(low_rank).max())
    np.testing.assert_allclose(found_sparse, sparse, atol=0.3)


def test_robust_pca_of_nothing_is_nothing():
    low_rank, sparse = split_low_rank(np.zeros((4, 6), np.complex64))
    assert not low_rank.any()
    assert not sparse.any()


def test_robust_pca_takes_a_spike_down():
    kspace = with_spike(make_kspace(n_coils=1), (0, 0, 2, 3), 60)
    assert abs(robust_pca(kspace)[0, 0, 2, 3] - kspace.data[0, 0, 2, 3] + 60) < 30


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_leave_their_input_and_what_was_not_sampled(name):
    kspace = make_kspace(missing_lines=(4,), first_column=3)
    before = kspace.data.copy()
    rival = RIVALS[name]
    repair = rival.open() if isinstance(rival, ScanRival) else rival
    repair(kspace)
    repaired = repair(kspace)
    np.testing.assert_array_equal(kspace.data, before)
    assert repaired.shape == before.shape
    assert repaired.dtype == before.dtype
    assert not repaired[:, ~kspace.sampled].any()


@pytest.mark.parametrize("begin", [earlier_median, space_time_median])
def test_the_median_of_before_repairs_what_was_not_there_before(begin):
    kspace = make_kspace(n_coils=1)
    spoilt = with_spike(kspace, (0, 0, 20, 30), 500)
    scan, another = begin(), begin()
    assert scan(kspace) is kspace.data
    assert np.argwhere(scan(spoilt) != spoilt.data)[:, 1:].tolist() == [[0, 20, 30]]
    assert another(spoilt) is spoilt.data, "nothing was there before"
