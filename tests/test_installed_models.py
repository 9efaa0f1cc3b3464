"""The models that despark installs are those of its manifest, and each one has its card."""

from __future__ import annotations

import numpy as np
import pytest

from onnx_models.loader import open_model
from onnx_models.manifest import models_folder, read_manifest
from onnx_models.providers import example_inputs

ENTRIES = [pytest.param(entry, id=entry.name) for entry in read_manifest().models]


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_installed_model_opens_and_answers_with_numbers(entry):
    model = open_model(entry, None, "cpu")
    for name, values in model.run(**example_inputs(model._session, 3)).items():
        assert values.shape[0] == 3, name
        assert np.all(np.isfinite(values)), name


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_installed_model_has_a_card_that_names_its_hash(entry):
    card = (models_folder() / entry.card).read_text(encoding="utf-8")
    assert entry.sha256 in card
    assert entry.training.command in card


def test_no_model_or_card_lies_beside_the_manifest():
    named = {name for entry in read_manifest().models for name in (entry.file, entry.card)}
    folder = models_folder()
    there = {
        path.relative_to(folder).as_posix() for pattern in ("*.onnx", "cards/*.md") for path in folder.glob(pattern)
    }
    assert there == named
