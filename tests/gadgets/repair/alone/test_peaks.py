"""Peaks of an object that repeats: they come in pairs, and sparks do not."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_kspace
from helpers.sparks import flag

from gadgets.kspace import kspace_of
from gadgets.repair.alone.peaks import ALIKE, FEWEST_RECEIVERS, LONGEST, STANDS_OUT, peaks_of
from gadgets.repair.bursts import group_bursts
from gadgets.repair.predicted_once import Predictions

LOUD, LINE, SAMPLE = 50.0, 5, 24
CENTRE = (12, 16)
PARTNER = (2 * CENTRE[0] - LINE, 2 * CENTRE[1] - SAMPLE)


def noise_and_echo():
    """Noise of standard deviation 1, and an echo in the middle."""
    kspace = make_kspace(signal=0.0)
    kspace.data[:, 0, CENTRE[0], CENTRE[1]] = 100 * LOUD
    return kspace


def peak_and(partner, beside=(0, 0)):
    """A peak, and its partner on the other side of the centre or beside that place."""
    kspace = noise_and_echo()
    kspace.data[:, 0, LINE, SAMPLE] = LOUD
    kspace.data[:, 0, PARTNER[0] + beside[0], PARTNER[1] + beside[1]] = partner
    return kspace


def found(kspace, points):
    return {(burst.line, burst.start) for burst in peaks_of(kspace, group_bursts(kspace, points, range(len(points))))}


def is_peak(kspace, line=LINE, sample=SAMPLE):
    return bool(found(kspace, flag(kspace, line, [sample])))


@pytest.mark.parametrize(
    ("partner", "beside", "expected"),
    [
        (LOUD, (0, 0), True),
        (LOUD, (1, -1), True),
        (LOUD, (2, 0), False),
        (LOUD, (0, 2), False),
        (0.9 * ALIKE * LOUD, (0, 0), True),
        (1.1 * ALIKE * LOUD, (0, 0), False),
        (1.1 / ALIKE * LOUD, (0, 0), True),
        (0.9 / ALIKE * LOUD, (0, 0), False),
    ],
)
def test_a_peak_has_a_partner_as_loud(partner, beside, expected):
    assert is_peak(peak_and(partner, beside)) == expected


@pytest.mark.parametrize("shape", [(24, 32), (25, 32), (24, 33)])
@pytest.mark.parametrize("is_real", [True, False])
def test_in_the_transform_of_a_magnitude_sparks_are_pairs(shape, is_real):
    rng = np.random.default_rng(0)
    image = rng.normal(size=shape) + (0 if is_real else 1j * rng.normal(size=shape))
    image[8:16, 10:20] += 100
    data = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image), norm="ortho"))
    line, sample = shape[0] // 2 - 7, shape[1] // 2 + 8
    data[line, sample] += LOUD
    data[line + 14, sample - 16] += LOUD
    assert is_peak(kspace_of(data[None].astype(np.complex64)), line, sample) != is_real


def test_near_the_centre_everything_has_such_a_partner():
    kspace = noise_and_echo()
    kspace.data[:, 0, [11, 13], [17, 15]] = LOUD
    assert not is_peak(kspace, 11, 17)


def test_a_burst_is_near_where_its_nearest_sample_is():
    kspace = noise_and_echo()
    kspace.data[:, 0, 12, 17:22] = kspace.data[:, 0, 12, 11:16] = LOUD
    assert not found(kspace, flag(kspace, 12, range(17, 22)))
    assert found(kspace, flag(kspace, 12, range(19, 22)))


def test_a_partner_that_does_not_stand_out_is_none():
    kspace = peak_and(LOUD)
    kspace.data[:, 0, CENTRE[0] + 1 :, : CENTRE[1]] = 1.1 * LOUD / STANDS_OUT
    kspace.data[:, 0, PARTNER[0], PARTNER[1]] = LOUD
    assert not is_peak(kspace)


@pytest.mark.parametrize(("n_coils", "expected"), [(FEWEST_RECEIVERS, False), (FEWEST_RECEIVERS - 1, True)])
def test_many_receivers_hear_the_partner_of_a_peak_alike(n_coils, expected):
    gains = np.exp(2j * np.pi * np.random.default_rng(0).random((2, n_coils)))
    kspace = make_kspace(n_coils=n_coils, signal=0.0)
    kspace.data[:, 0, CENTRE[0], CENTRE[1]] = 100 * LOUD
    kspace.data[:, 0, LINE, SAMPLE] = LOUD * gains[0]
    kspace.data[:, 0, PARTNER[0], PARTNER[1]] = LOUD * gains[0]
    assert is_peak(kspace)
    kspace.data[:, 0, PARTNER[0], PARTNER[1]] = LOUD * gains[1]
    assert is_peak(kspace) == expected


def test_beside_readouts_that_were_left_out_noise_is_no_partner():
    kspace = noise_and_echo()
    kspace.data[:, :, PARTNER[0] - 3 :: 2] = 0
    kspace = kspace_of(kspace.data)
    loudest = np.abs(kspace.data[:, 0, PARTNER[0], PARTNER[1] - 1 : PARTNER[1] + 2]).max()
    kspace.data[:, 0, LINE, SAMPLE] = loudest
    assert not is_peak(kspace)
    kspace.data[:, 0, [LINE, PARTNER[0]], [SAMPLE, PARTNER[1]]] = LOUD
    assert is_peak(kspace)


@pytest.mark.parametrize(("echo", "expected"), [(CENTRE[1], True), (CENTRE[1] + 1, False)])
def test_just_beyond_the_border_a_partner_is_still_seen(echo, expected):
    kspace = make_kspace(signal=0.0)
    kspace.data[:, 0, CENTRE[0], echo] = 100 * LOUD
    kspace.data[:, 0, [5, 19], [0, 31]] = LOUD
    assert is_peak(kspace, 5, 0) == expected


@pytest.mark.parametrize(("length", "expected"), [(LONGEST, True), (LONGEST + 1, False)])
def test_what_is_longer_is_interference(length, expected):
    kspace, samples = noise_and_echo(), range(13, 13 + length)
    kspace.data[:, 0, [LINE, PARTNER[0]], 13 : 13 + length] = LOUD
    assert bool(found(kspace, flag(kspace, LINE, samples))) == expected


def test_one_pair_among_many_sparks_is_chance():
    kspace = peak_and(LOUD)
    others = [(line, 3 * line) for line in range(1, 5)]
    for line, sample in others:
        kspace.data[:, 0, line, sample] = LOUD
    points = [point for place in [(LINE, SAMPLE), PARTNER, *others] for point in flag(kspace, place[0], [place[1]])]
    assert not found(kspace, points)
    assert found(kspace, points[:5]) == {(LINE, SAMPLE), PARTNER}


def test_sparks_are_not_taken_for_the_echo():
    kspace = noise_and_echo()
    points = []
    for line in (3, 11, 19):
        kspace.data[:, 0, line, 25] = 1e6
        points += flag(kspace, line, [25])
    assert not found(kspace, points)


def test_readouts_that_ran_backwards_are_looked_at_as_they_ran():
    kspace, turned = peak_and(LOUD), np.zeros((1, 24), bool)
    turned[0, PARTNER[0]] = True
    kspace.data[:, turned] = kspace.data[:, turned, ::-1]
    assert is_peak(replace(kspace, reversed_lines=turned))
    assert not is_peak(kspace)


def test_all_that_was_recorded_at_a_peak_may_be_the_objects():
    kspace = peak_and(LOUD)
    points = flag(kspace, LINE, [SAMPLE])
    (predicted,) = Predictions(kspace).of(points, [0])
    assert predicted.candidate.error.ravel() == pytest.approx(LOUD)
