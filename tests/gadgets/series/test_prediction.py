"""The prediction: one set of weights for all samples, fitted where it tells most."""

import numpy as np
import pytest

from gadgets.series.prediction import NEIGHBOURS, REACH, Prediction

SHAPE = (2, 33, 35)
INSIDE = (slice(None), slice(REACH, -REACH), slice(REACH, -REACH))
VALID = np.zeros(SHAPE[1:], bool)
VALID[INSIDE[1:]] = True
NOISE = np.full(2, 0.1)
FORWARD = np.zeros(SHAPE[1], bool)


def echo(rng):
    """An echo over noise, shape ``(coil, ky, kx)``."""
    ky, kx = np.ogrid[-16:17, -17:18]
    size = 0.1 + 1000 * np.exp(-np.hypot(ky, kx))
    return ((rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE)) * size).astype(np.complex64)


def weighed(values, weights):
    """Neighbours of each sample times their weights, sample by sample."""
    result = np.zeros_like(values)
    for coil, line, sample in np.argwhere(np.broadcast_to(VALID, SHAPE)):
        for (step, across), weight in zip(NEIGHBOURS, weights, strict=True):
            result[coil, line, sample] += weight * values[coil, line + step, sample + across]
    return result


def drawn(rng):
    return rng.normal(size=len(NEIGHBOURS)) + 1j * rng.normal(size=len(NEIGHBOURS))


def close(found, expected):
    return np.allclose(found[INSIDE], expected[INSIDE], rtol=1e-2, atol=1e-2 * np.abs(expected).max())


def test_weights_that_are_alike_everywhere_are_found():
    rng = np.random.default_rng(0)
    first, second = echo(rng), echo(rng)
    now = weighed(first, drawn(rng)) + weighed(second, drawn(rng))
    assert close(Prediction(now, VALID, [first, second], NOISE, FORWARD).together(), now)


def test_each_earlier_kspace_tells_by_itself_and_with_other_samples_in_its_place():
    rng = np.random.default_rng(1)
    first, weights = echo(rng), drawn(rng)
    now, spoilt = weighed(first, weights), first.copy()
    spoilt[:, 16, 17] += 500
    told = Prediction(now, VALID, [first, first * 1j], NOISE, FORWARD)
    assert close(told.alone(0), now)
    assert close(told.alone(1), now)
    assert close(told.alone(0, spoilt), weighed(spoilt, weights))


def test_reversed_readouts_have_weights_of_their_own():
    rng = np.random.default_rng(2)
    first, turned = echo(rng), np.arange(SHAPE[1]) % 2 == 1
    now = np.where(turned[:, None], weighed(first, drawn(rng)), weighed(first, drawn(rng)))
    assert close(Prediction(now, VALID, [first], NOISE, turned).together(), now)
    assert not close(Prediction(now, VALID, [first], NOISE, FORWARD).together(), now)


@pytest.mark.parametrize("n_sparks", [16, 40, 60])
def test_sparks_do_not_bend_the_weights_however_many_lie_around_the_centre(n_sparks):
    rng = np.random.default_rng(3)
    first = echo(rng)
    now = weighed(first, np.eye(len(NEIGHBOURS))[len(NEIGHBOURS) // 2])
    spoilt = now.copy()
    for line, sample in rng.integers(10, 24, (n_sparks, 2)):
        spoilt[:, line, sample] += 300
    told = Prediction(spoilt, VALID, [first], NOISE, FORWARD)
    assert close(told.together(), now)


@pytest.mark.parametrize("line", [3, 16])
def test_what_is_to_be_expected_is_the_noise_and_a_share_of_the_signal(line):
    rng = np.random.default_rng(4)
    first = echo(rng)
    expected = Prediction(first, VALID, [first], NOISE, FORWARD).expected[:, line, 17]
    assert np.all(expected >= 0.1)
    assert (expected.max() > 1) == (line == 16)
