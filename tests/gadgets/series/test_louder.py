"""Which of two k-spaces holds a spark is told by how loud it is among its neighbours."""

import numpy as np

from gadgets.series.differences import Differences
from gadgets.series.louder import DECIDED, louder

RECEIVERS, CENTRE = 8, (16, 17)
SHAPE = (RECEIVERS, 33, 35)


def compared(predicted, recorded):
    rest = np.zeros(SHAPE[1:], bool)
    zeros, ones = np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.float32)
    return Differences(predicted, recorded - predicted, ~rest, ~rest, ones, zeros, ones[0])


def noisy(seed, size=20.0):
    rng = np.random.default_rng(seed)
    return (size * (rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE))).astype(np.complex64)


def with_spark(clean, size):
    spoilt = clean.copy()
    phases = np.random.default_rng(9).uniform(0, 2 * np.pi, RECEIVERS)
    spoilt[(slice(None), *CENTRE)] += size * np.exp(1j * phases)
    return spoilt


def test_the_louder_one_has_the_spark():
    clean = noisy(0)
    here, before = compared(clean, with_spark(clean, 100)), compared(with_spark(clean, 100), clean)
    assert louder(here)[(slice(None), *CENTRE)].sum() > DECIDED
    assert louder(before)[(slice(None), *CENTRE)].sum() < -DECIDED


def test_what_hardly_differs_says_nothing_and_one_receiver_decides_little():
    clean = noisy(1)
    assert not louder(compared(clean, clean + 2)).any()
    struck = clean.copy()
    struck[(0, *CENTRE)] += 1e6
    says = louder(compared(clean, struck))
    assert np.count_nonzero(says) == 1
    assert np.isfinite(says).all()
