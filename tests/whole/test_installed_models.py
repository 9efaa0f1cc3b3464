"""The models that despark installs are those of its manifest, and each one has its card."""

from __future__ import annotations

import numpy as np
import pytest

from onnx_models.loader import open_model
from onnx_models.manifest import models_folder, read_manifest
from onnx_models.model import CPU_BATCH
from onnx_models.providers import example_inputs

ENTRIES = [pytest.param(entry, id=entry.name) for entry in read_manifest().models]


def random_inputs(model, n_rows):
    rng = np.random.default_rng(11)
    examples = example_inputs(model._session, n_rows)
    return {name: rng.standard_normal(values.shape).astype(values.dtype) for name, values in examples.items()}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_installed_model_judges_a_patch_alike_alone_and_among_others(entry):
    model = open_model(entry, None, "cpu")
    inputs = random_inputs(model, CPU_BATCH + 3)
    together = model.run(**inputs)
    for row in (0, 1, CPU_BATCH + 2):
        alone = model.run(**{name: values[row : row + 1] for name, values in inputs.items()})
        for name, values in together.items():
            assert np.all(np.isfinite(values)), name
            np.testing.assert_allclose(alone[name][0], values[row], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_installed_model_takes_no_patches_at_all(entry):
    model = open_model(entry, None, "cpu")
    assert all(len(values) == 0 for values in model.run(**random_inputs(model, 0)).values())


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
