"""Quiet places: zero among noise, and nothing said among signal."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import flag, with_sparks

from gadgets.repair import quiet
from gadgets.repair.bursts import group_bursts
from gadgets.repair.deviations import deviations_from_noise
from gadgets.repair.quiet import in_quiet_places


def noise_and_echo(seed=0, n_coils=3, shape=(64, 80)):
    """Noise of standard deviation 2 with an echo in the middle: nothing but noise elsewhere."""
    scan = make_scan(n_coils=n_coils, shape=shape, seed=seed)
    rng = np.random.default_rng(seed)
    data = rng.normal(size=scan.data.shape) + 1j * rng.normal(size=scan.data.shape)
    lines, samples = np.ogrid[-32:32, -40:40]
    data = data * np.sqrt(2) + 500 * np.exp(-(lines**2 + samples**2) / 60)
    return replace(scan, data=data.astype(np.complex64))


def candidate_at(kspace, line, samples, others=()):
    points = [*flag(kspace, line, samples), *others]
    bursts = group_bursts(kspace, points, range(len(points)))
    candidates = in_quiet_places(kspace, bursts)
    return next(candidates.get(burst) for burst in bursts if burst.line == line)


@pytest.mark.parametrize("samples", [[70], [60, 61, 62]])
def test_among_noise_zero_belongs_there_with_the_noise_as_its_error(samples):
    kspace = with_sparks(noise_and_echo(), {(0, 8, sample): None for sample in samples}, amplitude=400)
    candidate = candidate_at(kspace, 8, samples)
    assert candidate.method == "zero"
    assert not candidate.values.any()
    assert candidate.values.shape == candidate.error.shape == (3, len(samples))
    np.testing.assert_allclose(candidate.error, 2.0, rtol=0.35)


def test_among_signal_nothing_is_said():
    assert candidate_at(noise_and_echo(), 33, [44]) is None
    assert candidate_at(make_scan(), 30, [42]) is None


def test_what_is_flagged_beside_tells_nothing_of_the_noise():
    kspace = with_sparks(noise_and_echo(), {(0, 8, 70): None, (0, 9, 71): None, (0, 7, 68): None}, amplitude=4000)
    others = [*flag(kspace, 9, [71]), *flag(kspace, 7, [68])]
    assert candidate_at(kspace, 8, [70]) is None
    np.testing.assert_allclose(candidate_at(kspace, 8, [70], others).error, 2.0, rtol=0.35)


def test_reversed_lines_are_looked_at_as_they_ran():
    kspace = with_sparks(noise_and_echo(), {(0, 8, 70): None}, amplitude=400)
    turned = kspace.reversed_lines.copy()
    turned[0, ::2] = True
    stored = kspace.data.copy()
    stored[:, 0, ::2] = stored[:, 0, ::2, ::-1]
    epi = replace(kspace, data=stored, reversed_lines=turned)
    straight, reverse = candidate_at(kspace, 8, [70]), candidate_at(epi, 8, [80 - 1 - 70])
    np.testing.assert_array_equal(straight.error, reverse.error)


def test_an_echo_that_begins_in_the_centre_has_its_noise_at_the_other_end():
    kspace = noise_and_echo()
    half = replace(kspace, data=kspace.data[..., 38:].copy(), sampled=kspace.sampled[..., 38:])
    assert candidate_at(half, 32, [2]) is None
    np.testing.assert_allclose(candidate_at(half, 5, [30]).error, 2.0, rtol=0.35)


def test_without_samples_around_nothing_is_said():
    kspace = noise_and_echo()
    alone = np.zeros_like(kspace.sampled)
    alone[0, 8, 70] = alone[0, 50, 5:20] = True
    assert candidate_at(replace(kspace, sampled=alone), 8, [70]) is None


def test_around_others_nothing_is_measured(monkeypatch):
    kspace = with_sparks(noise_and_echo(), {(0, 8, 70): None, (0, 9, 71): None}, amplitude=4000)
    asked, others = flag(kspace, 8, [70]), flag(kspace, 9, [71])
    measured, measure = [], quiet.errors_around
    monkeypatch.setattr(quiet, "errors_around", lambda *told: measured.append(told[2].bursts) or measure(*told))
    (deviation,) = deviations_from_noise(kspace, asked, others)
    assert [[burst.line for burst in bursts] for bursts in measured] == [[8]]
    candidate = candidate_at(kspace, 8, [70], others)
    assert deviation == pytest.approx((np.abs(kspace.data[:, 0, 8, 70]) / candidate.error[:, 0]).max())
