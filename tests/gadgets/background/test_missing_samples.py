import numpy as np
import pytest
from scipy import fft

from gadgets.background import missing_samples as module
from gadgets.background.missing_samples import missing_samples


@pytest.fixture(params=[0, 24], ids=["transforms", "waves"])
def _few(request, monkeypatch):
    monkeypatch.setattr(module, "FEW", request.param)


def make_group():
    missing = np.zeros((3, 10, 14), dtype=bool)
    missing[::2, [2, 2, 9], [3, 4, 13]] = True
    (group,) = missing_samples(missing)
    return group, missing


def random(shape, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def test_receivers_that_miss_the_same_are_one_group():
    group, missing = make_group()
    assert group.coils.tolist() == [0, 2]
    missing[2, 0, 0] = True
    assert [each.coils.tolist() for each in missing_samples(missing)] == [[0], [2]]


@pytest.mark.usefixtures("_few")
def test_the_image_of_samples_is_their_transform():
    group, missing = make_group()
    values = random((2, 3))
    partition = np.zeros(missing.shape, np.complex64)
    partition[group.index] = values
    images = random(missing.shape, 1)
    expected = images + fft.fft2(partition)
    group.add_to(images, values)
    assert np.allclose(images, expected, atol=1e-5)


@pytest.mark.usefixtures("_few")
def test_samples_are_those_of_the_inverse_transform():
    group, missing = make_group()
    images, precision = random(missing.shape), np.abs(random(missing.shape[1:], 1))
    expected = fft.ifft2(precision * images)[group.index]
    assert np.allclose(group.samples_of(images, precision), expected, atol=1e-6)
