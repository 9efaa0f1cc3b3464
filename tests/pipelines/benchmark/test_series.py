"""Series that never were: they differ as they say, and only there."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan

from pipelines.benchmark.series import simulate_series


def series(seed=1, **how):
    return simulate_series(make_scan(2, seed=seed), np.random.default_rng(seed), 4, **how)


def differences(kspaces):
    """Of the magnitude images from the first one, relative."""
    first, *others = (np.abs(np.fft.ifft2(each.data)) for each in kspaces)
    return [float(np.linalg.norm(each - first) / np.linalg.norm(first)) for each in others]


KINDS = [("repetitions", "repetition"), ("diffusion", "contrast"), ("inversion", "contrast")]


@pytest.mark.parametrize(("kind", "counter"), KINDS)
def test_the_kspaces_of_a_series_are_numbered(kind, counter):
    kspaces = series(kind=kind)
    assert [getattr(each.indices, counter) for each in kspaces] == [0, 1, 2, 3]
    assert all(each.data.shape == kspaces[0].data.shape and each.data.dtype == np.complex64 for each in kspaces)


def test_repetitions_differ_little_and_other_contrasts_much():
    assert all(0 < each < 0.3 for each in differences(series()))
    assert all(each > 0.3 for each in differences(series(kind="diffusion")))


@pytest.mark.parametrize("change", ["inflow", "swallowing", "table", "shim", "dummies"])
def test_a_change_comes_in_the_middle(change):
    same = [np.array_equal(one.data, other.data) for one, other in zip(series(change=change), series(), strict=True)]
    assert same == ([False, False, True, True] if change == "dummies" else [True, True, False, False])


def test_the_same_seed_gives_the_same_and_what_was_not_sampled_stays_empty():
    assert all(np.array_equal(*(each.data for each in pair)) for pair in zip(series(), series(), strict=True))
    clean = make_scan(2)
    sampled = clean.sampled.copy()
    sampled[:, ::2] = False
    thinned = replace(clean, sampled=sampled, data=np.where(sampled, clean.data, 0))
    assert not any(each.data[:, ~sampled].any() for each in simulate_series(thinned, np.random.default_rng(0), 2))
