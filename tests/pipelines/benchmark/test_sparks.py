import numpy as np
import pytest
from helpers.kspaces import make_kspace
from hypothesis import given
from hypothesis import strategies as st

from gadgets.errors import RawDataError
from pipelines.benchmark.readouts import noise_sigma, radii
from pipelines.benchmark.sparks import INNER_RADIUS, add_sparks, draw_burst, draw_gains, draw_place

KSPACE = make_kspace(missing_lines=(1, 2, 9), first_column=5)


def many_events(kspace, *, only_inner=False, n=300):
    return [
        event
        for seed in range(n)
        for event in add_sparks(kspace, np.random.default_rng(seed), only_inner=only_inner)[1]
    ]


@given(st.integers(0, 10_000), st.booleans())
def test_only_the_named_samples_change_and_by_what_is_named(seed, only_inner):
    clean = KSPACE.data.copy()
    before, events = add_sparks(KSPACE, np.random.default_rng(seed), only_inner=only_inner)
    expected = clean.copy()
    for event in events:
        n_samples = event.added.shape[1]
        expected[:, event.partition, event.line, event.first : event.first + n_samples] += event.added
        assert KSPACE.sampled[event.partition, event.line, event.first : event.first + n_samples].all()
    np.testing.assert_array_equal(before.data, expected)
    np.testing.assert_array_equal(KSPACE.data, clean)
    assert 1 <= len(events) <= 8


def test_peak_has_the_amplitude_of_its_ripple_to_noise_ratio():
    unit = noise_sigma(KSPACE) * np.sqrt(KSPACE.sampled.sum())
    for event in many_events(KSPACE, n=30):
        receiver, partition, line, sample = event.peak
        assert (partition, line) == (event.partition, event.line)
        peak = event.added[receiver, sample - event.first]
        assert abs(peak) == pytest.approx(np.abs(event.added).max())
        assert abs(peak) == pytest.approx(event.rnr * unit, rel=1e-5)


def test_distributions():
    events = many_events(KSPACE)
    rnr = np.array([event.rnr for event in events])
    assert rnr.min() >= 0.1
    assert rnr.max() <= 4
    assert np.median(rnr) == pytest.approx(np.sqrt(0.1 * 4), rel=0.15)
    lengths = np.bincount([event.added.shape[1] for event in events])[1:]
    assert len(lengths) == 6
    assert lengths.min() > 0.7 * lengths.mean()
    single = np.mean([len(event.receivers) == 1 for event in events])
    assert single == pytest.approx(0.3, abs=0.05)
    assert len(events) / 300 == pytest.approx(4.5, abs=0.5)


def test_inner_events_lie_in_the_inner_ring():
    kspace = make_kspace(shape=(1, 64, 96))
    radius = radii(kspace)
    for event in many_events(kspace, only_inner=True, n=40):
        middle = event.first + event.added.shape[1] // 2
        assert event.radius == radius[event.partition, event.line, middle] < INNER_RADIUS


def test_inner_events_of_a_tiny_matrix_go_as_far_in_as_they_fit():
    kspace = make_kspace(shape=(1, 8, 8))
    assert all(event.radius < 0.5 for event in many_events(kspace, only_inner=True, n=20))


def test_gains_and_bursts_are_relative_to_the_strongest():
    rng = np.random.default_rng(3)
    for n_coils in (1, 2, 8):
        assert np.abs(draw_gains(rng, n_coils)).max() == pytest.approx(1)
    for _ in range(50):
        magnitude = np.abs(draw_burst(rng))
        assert magnitude.max() == pytest.approx(1)
        assert magnitude.min() >= 0.3


def test_same_seed_same_sparks():
    first, again = (add_sparks(KSPACE, np.random.default_rng(5))[0] for _ in range(2))
    np.testing.assert_array_equal(first.data, again.data)


def test_readouts_that_are_too_short_are_refused():
    kspace = make_kspace(shape=(1, 8, 4))
    with pytest.raises(RawDataError, match=r"at least 6 samples for a spark, found 4 \(first k-space\)"):
        draw_place(np.random.default_rng(0), kspace, radii(kspace), 6)
    asymmetric = make_kspace(shape=(1, 8, 8), first_column=5)
    with pytest.raises(RawDataError, match="expected a readout with 4 consecutive acquired samples"):
        draw_place(np.random.default_rng(0), asymmetric, radii(asymmetric), 4)
