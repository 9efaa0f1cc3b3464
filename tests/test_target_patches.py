import numpy as np

from gadgets.division import Patches
from gadgets.target_patches import RegionClassifier, in_centre, select_targets


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
    return Patches(
        [], [], np.zeros((n, 3), dtype=int), (1, 32, 32), np.zeros((n, 11, 32, 32), dtype=np.float32), positions
    )


def test_each_patch_is_judged_by_the_model_of_its_region():
    positions = make_positions([0.0, 0.5, 0.05, 0.3, 1.0])
    models = {"centre": FixedModel(0.8), "outer": FixedModel(0.2)}
    probability = RegionClassifier(models).judge(make_patches(positions))
    assert probability.tolist() == np.float32([0.8, 0.2, 0.8, 0.2, 0.2]).tolist()
    assert (models["centre"].n_rows, models["outer"].n_rows) == (2, 3)


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
