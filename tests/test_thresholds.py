import numpy as np
import pytest

from gadgets.settings import SparkDetectionSettings
from gadgets.target_patches import select_targets
from gadgets.thresholds import raised, thresholds_of


def test_the_documents_example_is_raised_from_a_half_to_nine_tenths():
    settings = SparkDetectionSettings()
    preset = thresholds_of(settings).patches
    assert preset == {"centre": 0.7, "outer": 0.5}
    assert raised(preset, settings) == pytest.approx({"centre": 0.94, "outer": 0.9})


def test_the_centre_never_has_less_than_the_rest():
    settings = SparkDetectionSettings(threshold=0.8, centre_threshold=0.6)
    assert thresholds_of(settings).patches == {"centre": 0.8, "outer": 0.8}


@pytest.mark.parametrize("outer", [0.0, 0.3, 0.95, 1.0])
@pytest.mark.parametrize("centre", [0.0, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("aim", [0.0, 0.9, 1.0])
def test_raising_lowers_no_threshold_and_keeps_their_order(outer, centre, aim):
    preset = {"centre": centre, "outer": outer}
    found = raised(preset, SparkDetectionSettings(raised_threshold=aim))
    for region, own in preset.items():
        assert max(own, aim) <= found[region] <= 1
    assert (found["centre"] > found["outer"]) == (centre > outer and aim < 1 and found["outer"] < 1)


def test_a_patch_is_a_target_strictly_above_the_raised_threshold():
    positions = np.zeros((2, 4), dtype=np.float32)
    positions[:, 3] = 0.5
    found = raised({"centre": 0.5, "outer": 0.5}, SparkDetectionSettings(raised_threshold=0.75))
    assert select_targets(np.array([0.75, 0.76], dtype=np.float32), positions, found).tolist() == [1]
