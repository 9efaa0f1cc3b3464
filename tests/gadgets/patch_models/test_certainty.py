"""The threshold does what it says: the surer it has to be, the fewer points."""

from __future__ import annotations

import numpy as np
import pytest

from gadgets.detection.detector import Detector
from gadgets.patch_models import thresholds_of
from gadgets.settings import SparkDetectionSettings
from pipelines.benchmark.sparks import add_sparks
from pipelines.files import read_kspaces

FILES = ("bruker_tubes_1ch_3sl", "siemens_brain_gre_16ch", "siemens_gre_2ch")


def of(threshold, **more):
    return thresholds_of(SparkDetectionSettings(threshold=threshold, **more))


def test_the_usual_threshold_leaves_all_others_as_they_are():
    usual = of(0.5)
    assert usual.points == {"centre": 0.88, "outer": 0.5}
    assert usual.caution == 1.0


@pytest.mark.parametrize(("threshold", "caution", "outer"), [(0.9, 9, 0.9), (0.1, 1 / 9, 0.1), (0.75, 3, 0.75)])
def test_samples_and_deviations_move_with_the_odds(threshold, caution, outer):
    moved = of(threshold)
    assert moved.caution == pytest.approx(caution)
    assert moved.points["outer"] == pytest.approx(outer)
    assert moved.points["centre"] == pytest.approx(1 / (1 + 0.12 / 0.88 / caution))


def test_the_ends_are_no_numbers_that_cannot_be():
    for threshold in (0, 1):
        moved = of(threshold, point_threshold=threshold)
        assert np.isfinite([moved.caution, *moved.points.values()]).all()
        assert moved.points["outer"] == threshold


@pytest.mark.parametrize("name", FILES)
def test_the_points_found_fall(data_folder, name):
    kspace = next(iter(read_kspaces(data_folder / f"{name}.h5"))).kspace
    rng = np.random.default_rng(7)
    for _ in range(3):
        kspace, _ = add_sparks(kspace, rng)
    detector = Detector(SparkDetectionSettings(provider="cpu"))
    found = [
        len(detector.with_settings(SparkDetectionSettings(provider="cpu", threshold=threshold)).detect(kspace).points)
        for threshold in (0.1, 0.5, 0.9)
    ]
    assert found == sorted(found, reverse=True)
    assert found[2] < 0.95 * found[1]
