import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadgets.local_statistics import local_maximum, local_median, noise_level, quantile, step_through, total_power


def naive_median(values, distance):
    n_lines, n_samples = values.shape
    result = np.empty_like(values)

    def reflected(index, offset, n):
        there = index + offset if 0 <= index + offset < n else index - offset
        return min(max(there, 0), n - 1)

    for line in range(n_lines):
        for sample in range(n_samples):
            nine = [
                values[reflected(line, dy, n_lines), reflected(sample, dx, n_samples)]
                for dy in (-distance, 0, distance)
                for dx in (-distance, 0, distance)
            ]
            result[line, sample] = sorted(nine)[4]
    return result


@pytest.mark.parametrize("distance", [1, 2, 3])
@pytest.mark.parametrize("shape", [(11, 14), (8, 3), (2, 9)])
def test_the_local_median_is_that_of_nine_samples(distance, shape):
    values = np.random.default_rng(3).random(shape)
    assert np.array_equal(local_median(values, distance), naive_median(values, distance))


def test_noise_level_is_the_standard_deviation_of_the_border():
    rng = np.random.default_rng(4)
    noise = 3 * (rng.standard_normal((200, 64)) + 1j * rng.standard_normal((200, 64))) / np.sqrt(2)
    assert noise_level(np.abs(noise)) == pytest.approx(3, rel=0.05)


def test_padded_borders_do_not_make_the_noise_zero():
    magnitude = np.zeros((40, 60))
    magnitude[:, 10:50] = 2.0
    assert noise_level(magnitude) == pytest.approx(2.0)
    assert noise_level(np.zeros((8, 16))) > 0


def test_the_local_maximum_is_that_of_nine_samples():
    values = np.random.default_rng(3).random((7, 9))
    largest = [[values[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].max() for x in range(9)] for y in range(7)]
    assert np.array_equal(local_maximum(values), largest)


@given(st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_quantiles_are_those_of_numpy(n_samples, share, seed):
    values = np.random.default_rng(seed).standard_normal((3, n_samples))
    assert quantile(values, share) == pytest.approx(np.quantile(values, share, axis=1))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_power_is_summed_over_the_receivers(dtype):
    rng = np.random.default_rng(7)
    values = (rng.standard_normal((3, 4, 10)) + 1j * rng.standard_normal((3, 4, 10))).astype(dtype)
    every_second = values[..., ::2]
    assert np.allclose(total_power(every_second), np.sum(np.abs(every_second) ** 2, axis=0))


def test_readouts_that_begin_in_the_centre_have_their_noise_at_the_other_end():
    rng = np.random.default_rng(0)
    noise = np.abs(rng.standard_normal((32, 256)) + 1j * rng.standard_normal((32, 256))) / np.sqrt(2)
    spiral = noise + 200 * np.exp(-np.arange(256) / 10)
    assert noise_level(spiral) == pytest.approx(1, rel=0.1)
    assert noise_level(spiral[:, ::-1]) == pytest.approx(1, rel=0.1)
    both = np.concatenate([noise[:, :6], noise[:, -6:]], axis=1)
    assert noise_level(noise) == pytest.approx(np.median(both) / np.sqrt(np.log(2)), rel=1e-6)


@pytest.mark.parametrize("n_samples", [64, 128, 256])
@pytest.mark.parametrize("n_lines", [64, 100, 256])
def test_a_step_visits_all_columns(n_lines, n_samples):
    step = step_through(n_lines * n_samples, 1024)
    visited = np.arange(0, n_lines * n_samples, step)
    assert set(visited % n_samples) == set(range(n_samples))
    assert 680 <= visited.size <= 2048
