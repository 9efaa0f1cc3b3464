"""Another look sees what a first look at the mended plane would see."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import with_sparks

from gadgets.evidence import gather_evidence, look_again
from gadgets.evidence.maps import CHANNELS

PLACES = [(34, 44), (30, 52), (10, 50)]
FROM_NEIGHBOURS = [CHANNELS.index(name) for name in ("residual", "residual_whitened", "raw_whitened")]


def looks(n_coils, places, scale=1.0):
    """Give a plane before and after it was mended, and both ways to look at the second."""
    clean = make_scan(n_coils=n_coils)
    wrong = with_sparks(clean, {(0, *place): None for place in places}, amplitude=60.0)
    before, after = (np.asarray(kspace.data[:, 0] * np.float32(scale)) for kspace in (wrong, clean))
    first = gather_evidence(before, without_obvious=True)
    shown = replace(first, maps=first.maps.copy())  # another look writes over them
    # The plane is overwritten.
    again = look_again(first, after.copy(), np.ones(after.shape[1:], bool), np.array(places))
    return shown, again, gather_evidence(after, without_obvious=True)


@pytest.mark.parametrize("n_coils", [1, 4, 12])
def test_another_look_is_nearly_a_first_one(n_coils):
    first, again, anew = looks(n_coils, PLACES)
    others = [number for number in range(len(CHANNELS)) if number not in FROM_NEIGHBOURS]
    # A transform in its own memory rounds otherwise, from SciPy 1.18 on.
    np.testing.assert_allclose(again.maps[others], anew.maps[others], atol=1e-3)
    assert again.contrast == pytest.approx(anew.contrast, rel=1e-4)
    # The kernel was fitted with the sparks: it does not predict as well as one that never saw them, but nearly.
    there = (FROM_NEIGHBOURS, *np.array(PLACES).T[:, :, None])
    assert (again.maps[there] < first.maps[there]).all()
    assert np.median(np.abs(again.maps - anew.maps)[FROM_NEIGHBOURS]) < 0.1


def test_what_lies_far_from_anything_mended_keeps_its_maps():
    first, again, _ = looks(4, [(34, 44)])
    whitened = again.maps[CHANNELS.index("raw_whitened")] != first.maps[CHANNELS.index("raw_whitened")]
    assert np.argwhere(whitened).tolist() == [[34, 44]]
    changed = again.maps[CHANNELS.index("residual")] != first.maps[CHANNELS.index("residual")]
    assert changed.any()
    assert np.abs(np.argwhere(changed) - (34, 44)).max() <= 9


def test_an_obvious_sample_that_was_mended_counts_again():
    clean = make_scan(n_coils=4)
    wrong = with_sparks(clean, {(0, 10, 50): None}, amplitude=3000.0).data[:, 0]
    first = gather_evidence(wrong, without_obvious=True)
    assert first.obvious[10, 50]
    again = look_again(first, clean.data[:, 0].copy(), None, np.array([(10, 50)]))
    assert not again.obvious.any()
    np.testing.assert_allclose(again.maps[:, 10, 50], gather_evidence(clean.data[:, 0]).maps[:, 10, 50], atol=1.0)


def test_data_that_come_into_other_units_are_looked_at_anew():
    clean = make_scan(n_coils=2)
    tiny = np.asarray(clean.data[:, 0] * np.float32(1e-9))
    wrong = tiny.copy()
    wrong[:, 34, 44] *= 50
    again = look_again(gather_evidence(wrong, without_obvious=True), tiny.copy(), None, np.array([(34, 44)]))
    assert np.array_equal(again.maps, gather_evidence(tiny, without_obvious=True).maps)
