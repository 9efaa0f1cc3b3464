"""Training needs torch; without it these tests skip."""

import numpy as np
import pytest
from make_kspace import make_kspace

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from gadgets.detection import Detector  # noqa: E402
from gadgets.evidence import CHANNELS  # noqa: E402
from gadgets.settings import SparkDetectionSettings  # noqa: E402
from onnx_models.errors import ModelError  # noqa: E402
from onnx_models.loader import open_model  # noqa: E402
from onnx_models.manifest import Training, read_manifest  # noqa: E402
from onnx_models.training.examples import Examples  # noqa: E402
from onnx_models.training.export import Facts, install  # noqa: E402
from onnx_models.training.fit import (  # noqa: E402
    Schedule,
    fit_classifier,
    fit_segmenter,
    missed_logit,
)
from onnx_models.training.networks import PatchClassifier, PointSegmenter  # noqa: E402
from onnx_models.training.recipe import Recipe, train_models  # noqa: E402

# torch's own exporter warns about its own internals.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def make_examples(n=256, seed=0):
    """Every second patch holds one sample that stands out in all maps."""
    rng = np.random.default_rng(seed)
    patches = rng.standard_normal((n, len(CHANNELS), 32, 32)).astype(np.float16) * 0.3
    masks = np.zeros((n, 32, 32), dtype=np.uint8)
    for row in range(0, n, 2):
        line, sample = rng.integers(0, 32, 2)
        patches[row, :, line, sample] += 4
        masks[row, line, sample] = 1
    return Examples(patches, rng.random((n, 4)).astype(np.float32), masks)


def facts(name="model", role="first_classification", architecture="cnn"):
    return Facts(name, role, "all", architecture, Training(data=("made up",), seed=1, command="none"), "Tests.", {})


def silent(*_):
    """Show no progress."""


def test_the_classifier_learns_which_patches_hold_a_point():
    network = fit_classifier(make_examples(), "test", Schedule(epochs=20, seed=1), silent)
    unseen = make_examples(seed=9)
    with torch.no_grad():
        logits = network(torch.from_numpy(unseen.patches.astype(np.float32)), torch.from_numpy(unseen.positions))
    target = (unseen.masks == 1).any(axis=(1, 2))
    assert ((logits.numpy() > 0) == target).mean() > 0.95
    assert missed_logit(network, unseen, 0.01) <= logits.numpy()[target].mean()


def test_the_segmentation_learns_which_samples_are_abnormal():
    network = fit_segmenter(make_examples(), "test", Schedule(epochs=20, seed=1), silent)
    unseen = make_examples(seed=9)
    with torch.no_grad():
        logits = network(torch.from_numpy(unseen.patches.astype(np.float32))).numpy()
    assert (logits[unseen.masks == 1] > 0).mean() > 0.9
    assert (logits[unseen.masks == 0] > 0).mean() < 1e-3


def test_the_same_seed_gives_the_same_network():
    first, second = (
        fit_classifier(make_examples(64), "test", Schedule(epochs=2, seed=3), silent).state_dict() for _ in range(2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_an_exported_model_gives_what_the_network_gives(tmp_path):
    torch.manual_seed(0)
    network = PatchClassifier().eval()
    entry = install(network, 0.5, facts(), tmp_path)
    model = open_model(entry, tmp_path, "cpu")
    rng = np.random.default_rng(1)
    patches = rng.standard_normal((7, len(CHANNELS), 32, 32)).astype(np.float32)
    positions = rng.random((7, 4)).astype(np.float32)
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(patches), torch.from_numpy(positions)) - 0.5).numpy()
    assert model.run(patches=patches, positions=positions)["probability"] == pytest.approx(expected, abs=1e-5)
    assert (tmp_path / entry.card).is_file()


def test_an_export_that_differs_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("onnx_models.training.export.TOLERANCE", -1.0)
    with pytest.raises(ModelError, match="ONNX Runtime and torch differ"):
        install(PointSegmenter().eval(), 0.0, facts("points", "abnormal_point_segmentation", "unet"), tmp_path)


def test_the_whole_recipe_gives_models_that_a_detector_opens(tmp_path):
    recordings = {"one": [make_kspace(1, 2, (1, 48, 64)).data[:, 0]]}
    recipe = Recipe(n_planes=50, epochs=0.2, seed=1, processes=1)
    said = []
    entries = train_models(recordings, tmp_path, recipe, "despark train", {"found": 0.5}, silent, said.append)
    assert {entry.role for entry in entries} == {"first_classification", "abnormal_point_segmentation"}
    assert read_manifest(tmp_path).models[0].training.data == ("analytic phantoms", "one")
    detector = Detector(SparkDetectionSettings(models=tmp_path, provider="cpu"))
    assert detector.detect(make_kspace(2, 2, (1, 48, 64))).provider == "CPUExecutionProvider"
    assert any("operating point" in line for line in said)
