"""The whole recipe, in small: training needs torch; without it these tests skip."""

import pytest
from helpers.kspaces import make_kspace

pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from helpers.workshops import silent

from gadgets.detection.detector import Detector
from gadgets.settings import SparkDetectionSettings
from onnx_models.manifest import read_manifest
from onnx_models.training.recipe import MODELS, train_models
from onnx_models.training.workshop import Recipe

# torch's own exporter warns about its own internals.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def train(folder, said, recipe=None, only=(), command="despark train"):
    recordings = {"one": [make_kspace(1, 2, (1, 48, 64)).data[:, 0]]}
    recipe = recipe or Recipe(n_planes=50, epochs=0.2, seed=1, processes=1)
    scores = {"despark": {"found": 0.5}, "target_patches_outer": {"found": 0.75}}
    return train_models(recordings, folder, recipe, command, scores, silent, said.append, only)


FIRST_METHOD = ("abnormal_points", "target_patches_centre", "target_patches_outer")


def test_the_recipe_gives_models_that_a_detector_opens(tmp_path):
    said = []
    entries = train(tmp_path, said, only=FIRST_METHOD)
    assert [entry.name for entry in entries] == list(FIRST_METHOD)
    assert read_manifest(tmp_path).models[0].training.data == ("analytic phantoms", "one")
    assert [entry.scores["found"] for entry in entries] == [0.5, 0.5, 0.75]
    detector = Detector(SparkDetectionSettings(models=tmp_path, provider="cpu"))
    assert detector.detect(make_kspace(2, 2, (1, 48, 64))).provider == "CPUExecutionProvider"
    assert any("operating point" in line for line in said)


def test_what_the_same_training_has_made_is_kept(tmp_path):
    first, second, other = [], [], []
    train(tmp_path, first, only=["abnormal_points"])
    train(tmp_path, second, only=FIRST_METHOD[:2])
    assert "abnormal_points: made already" in second
    assert not any("making examples" in line for line in second)
    train(tmp_path, other, only=["abnormal_points"], command="despark train again")
    assert "abnormal_points: made already" not in other


def test_every_model_of_the_recipe_is_installed():
    assert [entry.name for entry in read_manifest().models] == list(MODELS)
