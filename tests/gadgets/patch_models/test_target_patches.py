import numpy as np
import pytest

from gadgets.patch_models.target_patches import RegionClassifier, select_targets
from gadgets.patches.division import Patches
from gadgets.patches.regions import in_centre
from onnx_models.loader import open_model
from onnx_models.manifest import read_manifest


class FixedModel:
    """Says how many rows it saw, and gives every row the same probability."""

    def __init__(self, probability):
        self.probability = probability
        self.n_rows = 0

    def run(self, patches, positions):
        assert len(patches) == len(positions)
        self.n_rows += len(patches)
        return {"probability": np.full(len(patches), self.probability, dtype=np.float32)}


def make_positions(nearest):
    positions = np.zeros((len(nearest), 4), dtype=np.float32)
    positions[:, 3] = nearest
    return positions


def make_patches(positions):
    n = len(positions)
    values = np.random.default_rng(0).random((n, 11, 32, 32), dtype=np.float32)
    return Patches([], [], np.zeros((n, 3), dtype=int), (1, 32, 32), values, positions)


def test_each_patch_is_judged_by_the_model_of_its_region():
    positions = make_positions([0.0, 0.5, 0.05, 0.3, 1.0])
    models = {"centre": FixedModel(0.8), "outer": FixedModel(0.2)}
    probability = RegionClassifier(models).judge(make_patches(positions))
    assert probability.tolist() == np.float32([0.8, 0.2, 0.8, 0.2, 0.2]).tolist()
    assert (models["centre"].n_rows, models["outer"].n_rows) == (2, 3)


def test_a_patch_of_one_number_throughout_is_no_target_and_is_not_asked_about():
    patches, models = make_patches(make_positions([0.5, 0.5])), {"outer": FixedModel(0.8)}
    patches.values[1] = 0
    assert RegionClassifier(models).judge(patches).tolist() == np.float32([0.8, 0]).tolist()
    assert models["outer"].n_rows == 1


def test_a_region_without_patches_asks_no_model():
    models = {"centre": FixedModel(0.8), "outer": FixedModel(0.2)}
    RegionClassifier(models).judge(make_patches(make_positions([0.5, 0.7])))
    assert models["centre"].n_rows == 0


def test_targets_are_strictly_above_the_threshold_of_their_place():
    positions = make_positions([0.0, 0.0, 0.5, 0.5])
    probability = np.array([0.7, 0.71, 0.5, 0.51], dtype=np.float32)
    thresholds = {"centre": float(np.float32(0.7)), "outer": 0.5}
    assert select_targets(probability, positions, thresholds).tolist() == [1, 3]


def test_the_centre_begins_at_a_tenth():
    assert in_centre(make_positions([0.0, 0.099, 0.101])).tolist() == [True, True, False]


def test_a_threshold_turns_probabilities_into_yes_or_no():
    positions = make_positions([0.5, 0.5, 0.5])
    probability = np.array([0.2, 0.51, 0.97], dtype=np.float32)
    target = np.isin(np.arange(3), select_targets(probability, positions, {"centre": 0.7, "outer": 0.5}))
    assert target.astype(int).tolist() == [0, 1, 1]


def test_a_cnn_is_told_where_a_patch_lies():
    entry = read_manifest().find("first_classification", "outer", "cnn")
    patches = np.random.default_rng(0).normal(0, 1, (1, 12, 32, 32)).astype(np.float32)
    near, far = (np.array([[0, x, x, x - 0.1]], dtype=np.float32) for x in (0.3, 0.9))
    model = open_model(entry, provider="cpu")
    here, there = (model.run(patches=patches, positions=place)["probability"][0] for place in (near, far))
    assert here != pytest.approx(there, rel=1e-3)
