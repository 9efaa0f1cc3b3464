"""A setting that would do nothing is refused when a detector is opened, also one that is warm."""

import pytest

from gadgets.detection.detector import Detector
from gadgets.errors import SettingsError
from gadgets.settings import SparkDetectionSettings
from gadgets.settings.contradictions import NEEDS, refuse_contradictions

WITHOUT_EFFECT = {
    "merge": {"merge": "patch"},
    "one_pass_model": {"one_pass_model": "cnn_unet"},
    "classifier": {"classifier": "vit", "method": "one_pass"},
    "standard_value": {"standard_value": "centre", "preprocessing": "z_score"},
    "impact": {"impact": "low"},
    "centre_max": {"centre_max": 3, "preprocessing": "none"},
    "edge_max": {"edge_max": 0.2, "preprocessing": "max_min"},
    "centre_distance": {"centre_distance": 0.2},
    "edge_distance": {"edge_distance": 0.2, "preprocessing": "max_min"},
    "thresholds_from": {"thresholds_from": "history"},
}


@pytest.fixture(scope="module")
def detector():
    return Detector(SparkDetectionSettings(provider="cpu"))


def test_every_setting_with_a_need_is_tried_here():
    assert set(WITHOUT_EFFECT) == {*NEEDS, "thresholds_from"}


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_a_setting_without_effect_is_refused(detector, name):
    settings = SparkDetectionSettings(provider="cpu", **WITHOUT_EFFECT[name])
    with pytest.raises(SettingsError, match=rf"^{name}=.* needs \w+ to .*, found "):
        Detector(settings)
    with pytest.raises(SettingsError, match=rf"^{name}="):
        detector.with_settings(settings)


@pytest.mark.parametrize(
    "together",
    [
        {},
        {"method": "check_calibrate", "merge": "patch", "classifier": "vit"},
        {"method": "one_pass", "merge": "patch", "one_pass_model": "cnn_unet"},
        {"preprocessing": "max_min", "standard_value": "centre", "impact": "low", "centre_max": 3},
        {"preprocessing": "max_min_by_place", "edge_max": 0.2, "centre_distance": 0.2, "edge_distance": 0.3},
        {"thresholds_from": "history", "history": "history.jsonl"},
        {"image_check": False, "when_clean": "stop", "image_model": "vit"},
    ],
)
def test_settings_that_belong_together_pass(together):
    refuse_contradictions(SparkDetectionSettings(**together))
