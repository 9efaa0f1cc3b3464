import numpy as np
import pytest

from pipelines.phantom.head import BRIGHT, FAT, background_phase, draw_head, sensitivities


def test_head_has_fat_around_brain_and_small_bright_structures():
    image = draw_head((220, 220), (220.0, 220.0), 0.0, np.random.default_rng(0))
    assert image[0].max() == 0
    assert image[110, 110 + 70] == pytest.approx(FAT, rel=0.3)
    assert image[110 + 24, 110 + 31] == pytest.approx(BRIGHT, rel=0.3)
    assert image[110 - 20, 110 + 8] < 0.4


def test_slices_shrink_towards_the_top():
    sizes = [
        np.count_nonzero(draw_head((64, 64), (220.0, 220.0), z, np.random.default_rng(0))) for z in (0.0, 40.0, 70.0)
    ]
    assert sizes == sorted(sizes, reverse=True)


def test_sensitivities_and_phase_are_smooth():
    maps = sensitivities(6, (40, 80), (220.0, 440.0))
    assert maps.shape == (6, 40, 80)
    assert np.abs(np.diff(maps, axis=1)).max() < 0.2
    assert np.sqrt(np.sum(np.abs(maps) ** 2, axis=0)).max() < 3
    np.testing.assert_allclose(np.abs(background_phase((8, 8), (220.0, 220.0))), 1)
