from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import with_sparks

from gadgets.detection.detector import Detector
from gadgets.errors import SettingsError
from gadgets.patch_models.history import Feedback, History, Result
from gadgets.patch_models.history_records import SetThresholds
from gadgets.patch_models.history_store import append
from gadgets.patch_models.learnt_thresholds import thresholds_from_feedback, thresholds_from_results
from gadgets.patch_models.target_patches import select_targets
from gadgets.patch_models.thresholds import raised, thresholds_of
from gadgets.settings import SparkDetectionSettings


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


PRESET = {"centre": 0.7, "outer": 0.5}


def said(region, spark=(), false=(), of="patch"):
    return [
        Feedback(of=of, region=region, probability=probability, was_spark=was_spark)
        for probabilities, was_spark in ((spark, True), (false, False))
        for probability in probabilities
    ]


def test_what_users_called_false_is_no_longer_a_target():
    feedback = said("outer", spark=[0.95] * 10, false=[0.55, 0.6, 0.71])
    found = thresholds_from_feedback(feedback, PRESET)
    assert found == {"centre": 0.7, "outer": 0.71}


def test_one_odd_complaint_costs_no_confirmed_sparks():
    feedback = said("outer", spark=np.linspace(0.85, 0.99, 20), false=[0.55, 0.999])
    assert thresholds_from_feedback(feedback, PRESET)["outer"] == 0.55


def test_confirmed_sparks_near_the_threshold_lower_it():
    far, near = (said("centre", spark=[probability] * 12) for probability in (0.99, 0.72))
    assert thresholds_from_feedback(far, PRESET) == PRESET
    found = thresholds_from_feedback(near, PRESET)
    assert found["outer"] == 0.5
    assert np.log(0.72 / 0.28) - np.log(found["centre"] / (1 - found["centre"])) == pytest.approx(1)


def test_what_was_false_near_the_threshold_keeps_it_up():
    feedback = said("centre", spark=[0.72] * 10, false=[0.65, 0.66])
    assert thresholds_from_feedback(feedback, PRESET)["centre"] == 0.66


def test_a_few_words_change_nothing():
    feedback = said("outer", false=[0.9] * 9) + said("centre", false=[0.9] * 9, of="point")
    assert thresholds_from_feedback(feedback, PRESET) == PRESET


def results(name, value, accuracy, n=3, architecture="cnn"):
    return [Result(architecture=architecture, accuracy=accuracy, settings={name: value}) for _ in range(n)]


def test_the_value_that_did_best_in_the_past_is_taken():
    past = results("threshold", 0.6, 0.9) + results("threshold", 0.4, 0.8) + results("centre_threshold", 0.9, 0.5)
    assert thresholds_from_results(past, PRESET) == {"centre": 0.7, "outer": 0.6}
    assert thresholds_from_results(results("threshold", 0.0, 1.0) + past, PRESET)["outer"] == 0
    assert thresholds_from_results(results("threshold", 0.6, 1.0, n=2), PRESET) == PRESET


def test_of_equally_good_values_the_nearest_is_taken():
    past = results("threshold", 0.9, 0.8) + results("threshold", 0.55, 0.8)
    assert thresholds_from_results(past, PRESET)["outer"] == 0.55


@pytest.mark.parametrize(
    ("chosen", "outer"),
    [
        ({}, 0.4),
        ({"classifier": "vit"}, 0.6),
        ({"classifier": "variance"}, 0.6),
        ({"method": "one_pass"}, 0.6),
        ({"method": "one_pass", "one_pass_model": "cnn_unet"}, 0.5),
    ],
)
def test_results_count_for_what_they_were_reached_with(chosen, outer):
    past = results("threshold", 0.4, 0.8) + results("threshold", 0.6, 0.9, architecture="vit")
    settings = SparkDetectionSettings(thresholds_from="history", **chosen)
    assert thresholds_of(settings, History(results=past)).patches["outer"] == outer


def test_the_history_counts_only_where_it_is_asked_for():
    history = History(feedback=said("outer", false=[0.8] * 10) + said("centre", false=[0.95] * 10, of="point"))
    preset = thresholds_of(SparkDetectionSettings(), history)
    learnt = thresholds_of(SparkDetectionSettings(thresholds_from="history"), history)
    assert preset == thresholds_of(SparkDetectionSettings())
    assert learnt.patches == {"centre": 0.7, "outer": 0.8}
    assert learnt.points == {"centre": 0.95, "outer": 0.5}


def test_a_detector_takes_its_thresholds_from_the_history_and_learns_between_scans(tmp_path):
    path = tmp_path / "history.jsonl"
    kspace = with_sparks(make_scan())
    settings = SparkDetectionSettings(provider="cpu", thresholds_from="history", history=path)
    path.touch()
    detector = Detector(settings)
    patches = detector.detect(kspace).target_patches
    assert patches
    for patch in patches:
        for region in ("centre", "outer"):
            for _ in range(10):
                append(path, Feedback(region=region, probability=patch.probability, was_spark=False))
    assert detector.with_settings(settings).detect(kspace).target_patches == ()
    assert Detector(settings.model_copy(update={"thresholds_from": "settings"})).detect(kspace).points


def test_a_damaged_history_stops_a_detector_before_the_scan(tmp_path):
    (tmp_path / "history.jsonl").write_text("sparks!\n")
    with pytest.raises(SettingsError, match="line 1"):
        Detector(SparkDetectionSettings(provider="cpu", history=tmp_path / "history.jsonl"))


def test_what_somebody_has_set_goes_before_settings_and_results():
    values = {"threshold": 0.9, "centre_threshold": 0.95, "point_threshold": 0.6, "core_threshold": 0.9}
    last = SetThresholds(**values, by="anna", at="now")
    first = last.model_copy(update={"threshold": 0.1, "by": "otto"})
    results = [Result(architecture="cnn", accuracy=1.0, settings={"threshold": 0.3})] * 5
    followed = SparkDetectionSettings(thresholds_from="history", threshold=0.2)
    layer = thresholds_of(followed, History(results=results, thresholds=[first, last]))
    assert layer == replace(thresholds_of(SparkDetectionSettings(**values)), source="history, set by anna now")
    assert layer.caution == pytest.approx(9)


def test_feedback_moves_what_was_set_once_it_came_later():
    by_hand = SetThresholds(threshold=0.5, centre_threshold=0.7, point_threshold=0.5, core_threshold=0.88)
    said = [Feedback(of="point", region="outer", probability=0.8, was_spark=False)] * 10
    followed = SparkDetectionSettings(thresholds_from="history")
    before = thresholds_of(followed, History(feedback=said, thresholds=[by_hand]))
    after = thresholds_of(followed, History(feedback=said, thresholds=[by_hand], newest_feedback=said))
    assert (before.points["outer"], after.points["outer"]) == (0.5, 0.8)
    assert before.source == "history, set by nobody named"
