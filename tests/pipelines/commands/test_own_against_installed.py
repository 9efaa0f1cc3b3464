"""Own models beside the installed ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import onnx_models
from pipelines.benchmark.score import ScoredEvent
from pipelines.benchmark.totals import FileScore
from pipelines.commands import own_against_installed
from pipelines.commands.own_against_installed import Comparison, compare_with_installed
from pipelines.phantom.phantom_scan import PhantomScan


def score(found, harmed):
    events = tuple(ScoredEvent(0.5, 1.0, 4, 4, number < found) for number in range(10))
    return FileScore("phantom", "own", 1, harmed, True, events, (0.1,), 0.01)


@pytest.mark.parametrize(
    ("own", "says"),
    [
        (score(0, 0), "of no use"),
        (score(5, 0), "are worse here"),
        (score(9, 3), "are worse here"),
        (score(9, 0), "Measure both on your own files as well"),
    ],
)
def test_what_the_new_models_are_worth_is_said(own, says):
    sentence = Comparison(own, score(8, 0)).sentence()
    assert says in sentence
    assert "of 10 sparks in a phantom the new models find" in sentence


def test_the_installed_models_are_as_good_as_themselves(tmp_path, monkeypatch):
    monkeypatch.setattr(own_against_installed, "SCAN", PhantomScan(matrix=32, n_coils=2, n_slices=1))
    shutil.copytree(Path(onnx_models.__file__).parent, tmp_path / "own", ignore=shutil.ignore_patterns("*.py", "cards"))
    found = compare_with_installed(tmp_path / "own")
    assert found.own.events == found.installed.events
    assert any(event.found for event in found.own.events)


def test_a_single_model_is_not_compared(tmp_path):
    assert compare_with_installed(tmp_path) is None
