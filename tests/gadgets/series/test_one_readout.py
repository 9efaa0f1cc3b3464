"""One readout with weights of its own: motion is explained by them, sparks are not."""

import numpy as np

from gadgets.series.one_readout import REACH, unexplained

RECEIVERS, SAMPLES = 4, 40


def readout(seed=0):
    """A readout with the lines around it, and its noise."""
    rng = np.random.default_rng(seed)
    shape = (RECEIVERS, 2 * REACH[0] + 1, SAMPLES)
    around = 100 * (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    noise = (rng.normal(size=(RECEIVERS, SAMPLES)) + 1j * rng.normal(size=(RECEIVERS, SAMPLES))) / np.sqrt(2)
    return around, noise.astype(np.complex64)


def left_of(around, difference, receivers=RECEIVERS):
    valid = np.zeros(SAMPLES, bool)
    valid[REACH[1] : -REACH[1]] = True
    expected = np.ones(difference.shape, np.float32)
    return unexplained(around[:receivers], difference[:receivers], expected[:receivers], valid)


def moved(around):
    return 0.3j * around[:, REACH[0]] + 0.2 * np.roll(around[:, 0], 1, axis=-1)


def test_motion_is_explained_and_the_sparks_beside_it_are_not():
    around, noise = readout()
    difference = noise + moved(around)
    assert np.abs(left_of(around, difference))[:, 2:-2].max() < 5
    difference[:, 10:20] += 60
    left = np.abs(left_of(around, difference))
    assert left[:, 10:20].min() > 40
    assert np.delete(left, range(10, 20), axis=1)[:, 2:-2].max() < 10


def test_few_samples_tell_nothing():
    around, noise = readout()
    assert left_of(around, noise, receivers=2) is None
