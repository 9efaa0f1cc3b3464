import numpy as np
import pytest

from gadgets.evidence.whitening import whiten, whitened_energy


def energy_slowly(members):
    """One group, all samples used, in double precision."""
    members = members.astype(complex)
    n_coils = len(members)

    def distances(kept):
        covariance = kept @ kept.conj().T / kept.shape[1]
        covariance += 1e-4 * np.trace(covariance).real / n_coils * np.eye(n_coils)
        return np.einsum("cs,cd,ds->s", members.conj(), np.linalg.inv(covariance), members).real

    kept = members
    for _ in range(2):
        distance = distances(kept)
        kept = members[:, distance <= np.quantile(distance, 0.97)]
    energy = distances(kept)
    return np.sqrt(energy / np.median(energy))


def correlated(n_coils, shape, seed=0):
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((n_coils, *shape)) + 1j * rng.standard_normal((n_coils, *shape))
    return np.tensordot(rng.standard_normal((n_coils, n_coils)), white, 1).astype(np.complex64)


def test_energy_is_a_mahalanobis_distance_over_its_median():
    values = correlated(3, (30, 40))
    expected = energy_slowly(values.reshape(3, -1)).reshape(30, 40)
    assert np.allclose(whitened_energy(values), expected, rtol=1e-3)


def test_samples_that_are_all_alike_print_nothing(capfd):
    # With none left out, a sum over no samples: BLAS complained of it where results for machines are written.
    assert np.isfinite(whitened_energy(np.ones((3, 30, 40), np.complex64))).all()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("n_outliers", [1, 16, 300])
def test_what_is_usual_is_a_number_where_the_energy_of_outliers_is_none(n_outliers):
    members = 1e-14 * correlated(4, (20, 20))
    members.reshape(4, -1)[:, :n_outliers] = 1e15
    energy, whitening = whiten(members.astype(np.complex64))
    assert np.isfinite(energy).all()
    assert np.isfinite(whitening.usual).all()
    assert np.ravel(energy)[:n_outliers].min() > 10 * np.ravel(energy)[n_outliers:].max()


@pytest.mark.parametrize("times", [5, 3e3])
def test_outliers_of_any_size_have_no_share_in_what_is_usual(times):
    values = correlated(3, (30, 40))
    values[:, 4, ::2] *= times
    expected = energy_slowly(values.reshape(3, -1)).reshape(30, 40)
    ordinary = np.delete(np.arange(30), 4)
    assert np.allclose(whitened_energy(values)[ordinary], expected[ordinary], rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_are_compared_with_those_of_their_level(dtype):
    values = correlated(2, (60, 50))
    rng = np.random.default_rng(1)
    level = rng.choice([0.5, 1.0, 1.5, 3.0], (60, 50)).astype(dtype)
    order = np.argsort(level, axis=None, kind="stable")
    relative = (values / level).reshape(2, -1)
    expected = np.empty(3000)
    for start, stop in ((2958, 3000), (2832, 2958), (2454, 2832), (1320, 2454), (0, 1320)):
        group = order[start:stop]
        expected[group] = energy_slowly(relative[:, group])
    assert np.allclose(whitened_energy(values, level).ravel(), expected, rtol=2e-3)


def test_whitening_sees_a_spark_that_the_receivers_signals_hide():
    rng = np.random.default_rng(5)
    signal = rng.standard_normal((1, 40, 40)) + 1j * rng.standard_normal((1, 40, 40))
    gains = np.array([1.0, 0.8, 0.6])[:, None, None]
    plane = gains * 100 * signal + 0.5 * rng.standard_normal((3, 40, 40))
    plane[1, 20, 20] += 10  # a tenth of the signal, and not in its proportions
    energy = whitened_energy(plane, np.ones((40, 40)))
    assert np.unravel_index(energy.argmax(), energy.shape) == (20, 20)
    assert np.abs(plane[1, 20, 20]) < np.abs(plane[1]).max()
