"""What stands out of differences: measured around a sample and among its like."""

from dataclasses import replace

import numpy as np

from gadgets.series.differences import LOUDEST, Differences, usual_error
from gadgets.series.standing_out import standing_out

SHAPE = (2, 33, 35)
CENTRE = (16, 17)


def noise(seed=0):
    rng = np.random.default_rng(seed)
    return ((rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE)) / np.sqrt(2)).astype(np.complex64)


def loud(size=30.0, width=1.5):
    """What is to be expected around a sharp peak, shape ``(coil, ky, kx)``."""
    ky, kx = np.ogrid[-16:17, -17:18]
    return np.broadcast_to(1 + size * np.exp(-np.hypot(ky, kx) / width), SHAPE).astype(np.float32)


def compared(difference, expected, **how):
    valid = np.zeros(SHAPE[1:], bool)
    valid[2:-2, 2:-2] = True
    parts = {
        "alone": np.zeros(SHAPE[1:], bool),
        "doubt": np.zeros(SHAPE, np.float32),
        "new": np.ones(SHAPE[1:], np.float32),
        **how,
    }
    return Differences(np.zeros_like(difference), difference, valid, expected=expected, **parts)


def places(*arguments, **how):
    return np.argwhere(standing_out(compared(*arguments, **how))).tolist()


def test_the_noise_around_a_sharp_peak_makes_its_error_no_larger():
    expected = loud()
    usual = usual_error(np.abs(noise() * expected), compared(noise(), expected))
    assert np.all(usual[:, 16, 17] < 2 * expected[:, 16, 17])


def test_a_spark_at_a_sharp_peak_stands_out_and_clean_samples_do_not():
    expected = loud()
    difference = noise() * expected
    assert places(difference, expected) == []
    difference[1][CENTRE] = 12 * expected[1][CENTRE]
    assert places(difference, expected) == [list(CENTRE)]


def test_clean_differences_are_done_with_before_errors_are_measured(monkeypatch):
    monkeypatch.setattr("gadgets.series.standing_out.usual_error", None)
    assert places(noise() * loud(), loud()) == []


def test_where_the_loudest_samples_differ_none_of_them_stands_out():
    expected = loud()
    least = np.sort(expected[0].ravel())[-LOUDEST]
    assert places(noise() * expected * np.where(expected > least, 12, 1), expected) == []


def test_what_earlier_kspaces_do_not_agree_on_does_not_stand_out():
    expected = loud()
    difference = noise() * expected
    difference[1][CENTRE] = 12 * expected[1][CENTRE]
    assert places(difference, expected, doubt=np.abs(difference)) == []


def test_what_was_there_before_is_no_news():
    expected = loud()
    difference = noise() * expected
    difference[1][CENTRE] = 12 * expected[1][CENTRE]
    new = np.ones(SHAPE[1:], np.float32)
    new[CENTRE] = 0.05
    assert places(difference, expected, new=new) == []


def test_a_readout_that_differs_over_more_than_a_spark_is_none():
    expected, line, middle = loud(), 8, slice(12, 22)
    difference = noise() * expected
    difference[:, line, middle] = 12 * expected[:, line, middle]
    assert places(difference, expected) == []
    difference[:, line, middle.start + 6 : middle.stop] = 0
    assert places(difference, expected) == [[line, sample] for sample in range(12, 18)]


def test_where_one_kspace_tells_most_of_a_difference_has_to_be_new():
    expected = loud()
    difference = noise() * expected
    difference[1][CENTRE] = 30 * expected[1][CENTRE]
    new, alone = np.ones(SHAPE[1:], np.float32), np.zeros(SHAPE[1:], bool)
    new[CENTRE] = 0.5
    assert places(difference, expected, new=new) == [list(CENTRE)]
    alone[CENTRE] = True
    assert places(difference, expected, new=new, alone=alone) == []


def around_the_peak(shares):
    """Differences of nine samples around the peak, each a share of the signal there."""
    expected = loud()
    signal = (300 * expected).astype(np.complex64)
    difference = noise() * expected
    difference[:, 15:18, 16:19] += shares * signal[:, 15:18, 16:19]
    return replace(compared(difference, expected), predicted=signal)


def test_what_differs_around_the_peak_of_another_contrast_is_the_contrast():
    changed = around_the_peak(0.3)
    assert np.count_nonzero(standing_out(changed)) == 9
    assert not standing_out(changed, is_like_before=False).any()


def test_sparks_around_the_peak_of_another_contrast_differ_by_shares_of_their_own():
    shares = np.exp(np.linspace(-3, 3, 9)).reshape(3, 3) * 0.5
    assert np.count_nonzero(standing_out(around_the_peak(shares), is_like_before=False)) == 9
