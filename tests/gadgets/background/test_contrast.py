import numpy as np
import pytest
from helpers.kspaces import make_plane

from gadgets.background import contrast_without, innovation_of, is_outshone
from gadgets.background.missing_samples import MissingSamples

PLACES = np.array([(24, 30), (20, 33), (27, 36)])


def outshone(scale=1.0):
    plane = make_plane(0, 4, signal=60.0)
    wrong = plane.copy()
    wrong[:, PLACES[:, 0], PLACES[:, 1]] += 2e4 * np.exp(1j * np.arange(12).reshape(4, 3))
    return (scale * plane).astype(np.complex64), (scale * wrong).astype(np.complex64)


@pytest.mark.parametrize("scale", [1.0, 1e-20])
def test_a_background_appears_when_all_that_outshines_it_is_taken_away(scale):
    _, wrong = outshone(scale)
    assert is_outshone(wrong, PLACES, None, 100.0)
    assert not is_outshone(wrong, PLACES[:2], None, 100.0)
    assert not is_outshone(wrong, PLACES[:0], None, 0.0)


def test_samples_are_taken_away_in_turn_until_the_contrast_is_enough():
    _, wrong = outshone()
    rest = wrong.copy()
    contrasts = []
    for line, sample in PLACES:
        rest[:, line, sample] = 0
        contrasts.append(innovation_of(rest)[1])
    assert is_outshone(wrong, PLACES, None, 0.999 * max(contrasts))
    assert not is_outshone(wrong, PLACES, None, 1.001 * max(contrasts))


def test_the_contrast_is_that_of_the_filled_samples_unless_it_is_too_little():
    plane, wrong = outshone()
    missing = np.zeros(wrong.shape, bool)
    missing[:, PLACES[:, 0], PLACES[:, 1]] = True
    (_, clean), (_, recorded) = innovation_of(plane), innovation_of(wrong)
    assert contrast_without(wrong, missing, None, 0) == pytest.approx(clean, rel=0.2)
    assert contrast_without(wrong, missing, None, 2 * recorded) == pytest.approx(recorded, rel=1e-4)


@pytest.mark.parametrize("loudness", [1.0, 1e15])
def test_absent_samples_count_as_zero_however_loud_they_are(loudness):
    _, wrong = outshone()
    absent, missing = np.zeros((2, *wrong.shape[1:]), bool)
    absent[tuple(PLACES[:2].T)] = missing[tuple(PLACES[1:].T)] = True  # one of them is both
    zeroed = np.where(absent, 0, wrong)
    wrong[:, absent] *= loudness
    everywhere = np.broadcast_to(missing, wrong.shape)
    expected = contrast_without(zeroed, everywhere, None, 0)
    assert contrast_without(wrong, everywhere, absent, 0) == pytest.approx(expected, rel=1e-4)
    assert is_outshone(wrong, PLACES[2:], absent, 100.0)
    assert not is_outshone(wrong, PLACES[:0], absent, 0.0)


def test_no_round_is_made_of_which_nobody_asks(monkeypatch):
    _, wrong = outshone()
    missing = np.zeros(wrong.shape, bool)
    missing[:, PLACES[:, 0], PLACES[:, 1]] = True
    solved, solve = [], MissingSamples.solve
    monkeypatch.setattr(MissingSamples, "solve", lambda self, *told: solved.append(self) or solve(self, *told))
    recorded = contrast_without(wrong, missing, None, np.inf)
    assert contrast_without(wrong, missing, None, 0, recorded) == recorded
    assert not solved
    assert contrast_without(wrong, missing, None, 0, 2 * recorded) > 2 * recorded
    assert len(solved) == 1
