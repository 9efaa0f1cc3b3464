"""Calibrated patches, with models that are made up: they mark what stands out and give back what is predicted."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import with_sparks

import gadgets.patch_models.recorded_patches
from gadgets.evidence.maps import CHANNELS
from gadgets.kspace.planes import planes_of
from gadgets.patch_models.calibrated_patches import ArtifactCalibration, OnePass
from gadgets.patch_models.methods import Judgement
from gadgets.patch_models.without_centre import WithoutCentre
from gadgets.patches.division import divide_planes

PATCH = (1, 32, 32)
SPARKS = {(0, 10, 50): None, (0, 40, 20): None}
THRESHOLDS = {"centre": 0.5, "outer": 0.5}


def mark(patches):
    """Give samples that stand out of their prediction a probability near one."""
    return 1 / (1 + np.exp(20 * (np.log(4) - patches[..., CHANNELS.index("residual"), :, :])))


class MarksAndMends:
    """Marks what stands out, and gives back what the background predicts there; keeps what it was shown."""

    entry = SimpleNamespace(name="made up")

    def __init__(self):
        self.runs = []

    def run(self, patches, recorded, background, neighbours):
        self.runs.append(recorded.shape)
        probability = mark(np.asarray(patches)).astype(np.float32)
        changed = np.where(probability[:, None, None] > 0.1, recorded - background, recorded)
        assert neighbours.shape == recorded.shape
        return {"probability": probability, "calibrated": changed}


class JudgesSets(MarksAndMends):
    """The same for sets; a patch is the likelier a target the more patches are in its set."""

    def run(self, patches, positions, present, thresholds, recorded, background, neighbours):
        assert patches.shape[:2] == positions.shape[:2] == present.shape == thresholds.shape == recorded.shape[:2]
        flat = (
            values.reshape(-1, *values.shape[2:]) for values in (np.asarray(patches), recorded, background, neighbours)
        )
        result = {
            name: values.reshape(*present.shape, *values.shape[1:]) for name, values in super().run(*flat).items()
        }
        more = 1 + 0.01 * present.sum(axis=1, keepdims=True)
        target = np.minimum(result["probability"].max(axis=(2, 3)), 0.9) * more * present
        is_target = (target > thresholds)[..., None, None, None, None]
        return {
            "target": target.astype(np.float32),
            "probability": result["probability"],
            "calibrated": np.where(is_target, result["calibrated"], recorded),
        }


def patches_of(kspace):
    return divide_planes(list(planes_of(kspace)), PATCH, 0)


@pytest.fixture(scope="module")
def clean():
    return make_scan(3, shape=(70, 90))


@pytest.fixture(scope="module")
def sparked(clean):
    return with_sparks(clean, SPARKS)


def compare(opinions, targets, patches, sparked, clean):
    """Sparks are taken away, and everything else is bit for bit what was recorded."""
    assert opinions.probability.shape == (len(targets), *PATCH)
    assert opinions.calibrated.shape == (len(targets), 3, *PATCH)
    seen = set()
    for target, probability, calibrated in zip(targets, opinions.probability, opinions.calibrated, strict=True):
        _, line, sample = patches.anchors[target]
        window = np.s_[:, 0, line : line + 32, sample : sample + 32]
        changed = calibrated[:, 0] != sparked.data[window]
        assert not changed[:, probability[0] <= 0.1].any()
        for spark in SPARKS:
            place = spark[1] - line, spark[2] - sample
            if all(0 <= index < 32 for index in place):
                seen.add(spark)
                error = np.abs(calibrated[(slice(None), 0, *place)] - clean.data[(slice(None), *spark)])
                assert error.max() < 15
    assert seen == set(SPARKS)


def test_target_patches_come_back_without_their_sparks(sparked, clean):
    patches = patches_of(sparked)
    targets = np.arange(len(patches))
    compare(ArtifactCalibration(MarksAndMends()).find(patches, targets), targets, patches, sparked, clean)


def test_some_target_patches_at_a_time_come_back_the_same(sparked, monkeypatch):
    patches = patches_of(sparked)
    whole = ArtifactCalibration(MarksAndMends()).find(patches, np.arange(len(patches)))
    monkeypatch.setattr(gadgets.patch_models.recorded_patches, "AT_ONCE", 1)
    model = MarksAndMends()
    some = ArtifactCalibration(model).find(patches, np.arange(len(patches)))
    assert np.array_equal(some.calibrated, whole.calibrated)
    assert {shape[:2] for shape in model.runs[1:]} == {(1, 3)}


def test_receivers_are_looked_at_only_where_something_is_found(clean):
    model = MarksAndMends()
    patches = patches_of(clean)
    opinions = ArtifactCalibration(model).find(patches, np.array([1, 4]))
    assert model.runs == [(2, 1, 2, 32, 32)]
    _, line, sample = patches.anchors[4]
    assert np.array_equal(opinions.calibrated[1, :, 0], clean.data[:, 0, line : line + 32, sample : sample + 32])


def test_a_plane_smaller_than_a_patch_is_calibrated():
    small = make_scan(3, shape=(20, 24))
    sparked = with_sparks(small, {(0, 5, 6): None})
    patches = patches_of(sparked)
    opinions = ArtifactCalibration(MarksAndMends()).find(patches, np.array([0]))
    assert opinions.calibrated.shape == (1, 3, *PATCH)
    assert np.abs(opinions.calibrated[0, :, 0, 5, 6] - small.data[:, 0, 5, 6]).max() < 15


@pytest.mark.parametrize("kind", ["single", "adjacent", "conjugate", "ring"])
def test_one_pass_finds_and_calibrates(sparked, clean, kind):
    patches = patches_of(sparked)
    method = OnePass(JudgesSets(), kind)
    judgement = method.judge(patches, THRESHOLDS)
    targets = np.flatnonzero(judgement.probability > 0.5)
    assert 0 < targets.size < len(patches)
    compare(method.find(patches, judgement, targets), targets, patches, sparked, clean)
    assert method.name_for("outer") == "made up"


def test_patches_below_the_threshold_of_their_place_are_not_calibrated(sparked):
    patches = patches_of(sparked)
    method = OnePass(JudgesSets(), "single")
    judgement = method.judge(patches, {"centre": 1.0, "outer": 0.5})
    everything = method.find(patches, judgement, np.arange(len(patches))).calibrated
    in_centre = patches.positions[:, -1] < 0.1
    recorded = np.stack([patches.planes[0].data[:, a : a + 32, b : b + 32] for _, a, b in patches.anchors])
    unchanged = (everything[:, :, 0] == recorded).all(axis=(1, 2, 3))
    assert unchanged[in_centre].all()
    assert not unchanged.all()


def test_one_pass_leaves_the_centre_out_on_request(sparked):
    patches = patches_of(sparked)
    method = WithoutCentre(OnePass(JudgesSets(), "adjacent"))
    judgement = method.judge(patches, THRESHOLDS)
    targets = np.flatnonzero(judgement.probability > 0.5)
    in_centre = patches.positions[:, -1] < 0.1
    assert not in_centre[targets].any()
    if targets.size:
        assert method.find(patches, judgement, targets).calibrated.shape[0] == len(targets)


def test_one_pass_asks_for_its_own_judgement(sparked):
    patches = patches_of(sparked)
    with pytest.raises(TypeError, match="expected the judgement of a patch calibration model, found Judgement"):
        OnePass(JudgesSets(), "single").find(patches, Judgement(np.ones(len(patches), np.float32)), np.array([0]))


def test_what_is_not_a_number_changes_nothing(sparked):
    class Breaks(MarksAndMends):
        def run(self, **inputs):
            result = super().run(**inputs)
            return result | {"calibrated": np.full_like(result["calibrated"], np.nan)}

    patches = patches_of(sparked)
    opinions = ArtifactCalibration(Breaks()).find(patches, np.arange(len(patches)))
    assert np.isfinite(opinions.calibrated).all()
