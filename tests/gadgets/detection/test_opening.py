"""Detectors that stay open: opened once, whatever the thresholds, and shared by all scans."""

from __future__ import annotations

import threading
import time

import pytest

import gadgets.detection.opening
from gadgets.detection.opening import NoDetector, open_detector
from gadgets.patch_models.history import Result
from gadgets.patch_models.history_store import append
from gadgets.process.warm_store import WarmStore, using, warm_store
from gadgets.settings import SparkDetectionSettings


class CountedDetector:
    opened: list[SparkDetectionSettings]

    def __init__(self, settings):
        time.sleep(0.02)
        self.opened.append(settings)
        self.settings = settings

    def with_settings(self, settings):
        changed = object.__new__(CountedDetector)
        changed.settings = settings
        return changed


@pytest.fixture
def opened(monkeypatch):
    CountedDetector.opened = []
    monkeypatch.setattr(gadgets.detection.opening, "Detector", CountedDetector)
    return CountedDetector.opened


def opened_in(warm, settings):
    with using(warm):
        return open_detector(settings)


def test_models_are_opened_once_for_scans_with_other_thresholds(opened, tmp_path):
    warm = WarmStore()
    for threshold in (0.2, 0.5, 0.9):
        settings = SparkDetectionSettings(models=tmp_path, threshold=threshold)
        assert opened_in(warm, settings).settings == settings
    assert len(opened) == len(warm) == 1


def test_another_provider_is_another_detector(opened, tmp_path):
    warm = WarmStore()
    for provider in ("auto", "cpu", "auto", "cpu"):
        opened_in(warm, SparkDetectionSettings(models=tmp_path, provider=provider))
    assert [settings.provider for settings in opened] == ["auto", "cpu"]


@pytest.mark.parametrize(
    "other", [{"patch_size": 48}, {"patch_shape": "segment"}, {"patch_overlap": 8}, {"patch_sets": "ring"}]
)
def test_other_patches_are_another_detector(opened, tmp_path, other):
    warm = WarmStore()
    opened_in(warm, SparkDetectionSettings(models=tmp_path))
    opened_in(warm, SparkDetectionSettings(models=tmp_path, **other))
    assert len(opened) == 2


def test_the_history_of_the_last_scan_chooses_the_classifier_of_the_next(opened, tmp_path):
    warm, history = WarmStore(), tmp_path / "history.jsonl"
    history.touch()
    settings = SparkDetectionSettings(models=tmp_path, classifier="accuracy", history=history)
    for architecture, accuracy in (("vit", 0.9), ("cnn", 0.8), ("cnn", 0.9), ("vit", 0.95)):
        append(history, Result(architecture=architecture, accuracy=accuracy))
        opened_in(warm, settings)
    # First by the scores of the models, then by the two results, and no third time.
    assert len(opened) == 2
    append(history, Result(architecture="cnn", accuracy=1.0, n_judged=9))
    opened_in(warm, settings)
    assert len(opened) == 3


def test_an_upgrade_on_disk_does_not_disturb_what_runs(opened, tmp_path):
    warm = WarmStore()
    opened_in(warm, SparkDetectionSettings(models=tmp_path))
    (tmp_path / "manifest.json").write_text("half an upgrade")
    opened_in(warm, SparkDetectionSettings(models=tmp_path / ".." / tmp_path.name))
    assert len(opened) == 1


def test_the_one_not_used_for_longest_is_let_go(opened, tmp_path):
    warm = WarmStore(limit=2)
    for provider in ("auto", "cpu", "auto", "cuda", "auto", "cpu"):
        opened_in(warm, SparkDetectionSettings(models=tmp_path, provider=provider))
    assert [settings.provider for settings in opened] == ["auto", "cpu", "cuda", "cpu"]
    assert len(warm) == 2


def test_scans_that_begin_together_open_nothing_twice(opened, tmp_path):
    warm = WarmStore()
    threads = [
        threading.Thread(target=opened_in, args=(warm, SparkDetectionSettings(models=tmp_path))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1


def test_only_what_runs_inside_takes_them(opened, tmp_path):
    settings = SparkDetectionSettings(models=tmp_path)
    with using(WarmStore()):
        open_detector(settings)
        open_detector(settings)
        assert isinstance(open_detector(SparkDetectionSettings(method="none")), NoDetector)
    assert len(opened) == 1
    assert warm_store() is None
    open_detector(settings)
    assert len(opened) == 2


def test_a_copy_of_the_real_detector_shares_its_models():
    detector = gadgets.detection.opening.Detector(SparkDetectionSettings(provider="cpu"))
    other = detector.with_settings(SparkDetectionSettings(provider="cpu", threshold=0.9))
    assert other._chosen is detector._chosen
    assert (detector._settings.threshold, other._settings.threshold) == (0.5, 0.9)
