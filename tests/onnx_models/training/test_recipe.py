"""Training needs torch; without it these tests skip."""

import numpy as np
import pytest
from helpers.kspaces import make_kspace

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from helpers.workshops import TRAINING, make_examples, make_workshop, silent  # noqa: E402

from gadgets.detection.detector import Detector  # noqa: E402
from gadgets.evidence.maps import CHANNELS  # noqa: E402
from gadgets.settings.nodes import SparkDetectionSettings  # noqa: E402
from onnx_models.errors import ModelError  # noqa: E402
from onnx_models.loader import open_model  # noqa: E402
from onnx_models.manifest import read_manifest  # noqa: E402
from onnx_models.training.examples.patches import PATCH  # noqa: E402
from onnx_models.training.export import Calibrated, Facts, install  # noqa: E402
from onnx_models.training.fit import Schedule, fit  # noqa: E402
from onnx_models.training.models.points import missed_logit, train_outer_classifier, train_segmenter  # noqa: E402
from onnx_models.training.networks.points import N_CHANNELS, PatchClassifier, PointSegmenter  # noqa: E402
from onnx_models.training.recipe import MODELS, train_models  # noqa: E402
from onnx_models.training.workshop import Recipe  # noqa: E402

# torch's own exporter warns about its own internals.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def facts(name="model", role="first_classification", architecture="cnn"):
    return Facts(name, role, "all", architecture, PATCH, "evidence-1")


def as_inputs(examples):
    return {"patches": examples.patches.astype(np.float32), "positions": examples.positions}


def test_the_classifier_learns_which_patches_hold_a_point(tmp_path):
    train_outer_classifier(make_workshop(tmp_path, (make_examples(512), make_examples(seed=5))))
    unseen = make_examples(seed=9)
    entry = read_manifest(tmp_path).models[0]
    probability = open_model(entry, tmp_path, "cpu").run(**as_inputs(unseen))["probability"]
    target = (unseen.masks == 1).any(axis=(1, 2))
    assert (probability[target] > 0.5).mean() > 0.95
    assert probability[target].mean() > probability[~target].mean() + 0.5


def test_the_segmentation_learns_which_samples_are_abnormal(tmp_path):
    train_segmenter(make_workshop(tmp_path, (make_examples(768), make_examples(seed=5)), epochs=40))
    unseen = make_examples(seed=9)
    entry = read_manifest(tmp_path).models[0]
    probability = open_model(entry, tmp_path, "cpu").run(patches=unseen.patches.astype(np.float32))["probability"]
    assert (probability[unseen.masks == 1] > 0.5).mean() > 0.9
    assert (probability[unseen.masks == 0] > 0.5).mean() < 1e-3


def test_all_but_a_share_of_the_patches_with_sparks_exceed_the_operating_point():
    torch.manual_seed(0)
    network, examples = PatchClassifier().eval(), make_examples()
    inputs = [torch.from_numpy(values) for values in as_inputs(examples).values()]
    with torch.no_grad():
        logits = network(*inputs).numpy()[::2]
    assert (logits > missed_logit(network, examples, 0.25)).mean() == pytest.approx(0.75, abs=0.01)


def fit_some(seed, checkpoint=None, progress=silent):
    torch.manual_seed(seed)
    examples, network = make_examples(64), PointSegmenter()

    def loss(rows, device):
        return network(torch.from_numpy(examples.patches[rows].astype(np.float32)).to(device)).square().mean()

    schedule = Schedule(epochs=12, seed=seed, batch=16)
    return fit(network, np.arange(64), loss, "test", schedule, progress, checkpoint).state_dict()


def test_the_same_seed_gives_the_same_network():
    first, second = fit_some(3), fit_some(3)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_an_interrupted_fit_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("onnx_models.training.fit.SAVED_EVERY", 10)

    def interrupt(_name, step, _n_steps, _loss):
        if step == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_some(3, tmp_path / "test.pt", interrupt)
    steps = []
    resumed = fit_some(3, tmp_path / "test.pt", lambda _name, step, _n_steps, _loss: steps.append(step))
    whole = fit_some(3)
    assert steps[0] == 21
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_an_exported_model_gives_what_the_network_gives(tmp_path):
    torch.manual_seed(0)
    network = PatchClassifier().eval()
    inputs = {"patches": torch.randn((5, N_CHANNELS, *PATCH)), "positions": torch.rand((5, 4))}
    entry = install(Calibrated(network, 0.5), inputs, ("probability",), facts(), TRAINING, {}, tmp_path)
    assert entry.inputs == {"patches": ("n", len(CHANNELS), 32, 32), "positions": ("n", 4)}
    model = open_model(entry, tmp_path, "cpu")
    rng = np.random.default_rng(1)
    patches = rng.standard_normal((7, len(CHANNELS), 32, 32)).astype(np.float32)
    positions = rng.random((7, 4)).astype(np.float32)
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(patches), torch.from_numpy(positions)) - 0.5).numpy()
    assert model.run(patches=patches, positions=positions)["probability"] == pytest.approx(expected, abs=1e-5)
    assert (tmp_path / entry.card).is_file()


class Sums(torch.nn.Module):
    def forward(self, values, weights):
        return values.sum(dim=(1, 2)), values * weights[:, None, None]


def test_axes_beside_the_first_may_vary(tmp_path):
    inputs = {"values": torch.rand((5, 3, 4)), "weights": torch.rand(5)}
    varying = {"values": {1: "token"}, "scaled": {1: "token"}}
    entry = install(Sums(), inputs, ("total", "scaled"), facts(), TRAINING, {}, tmp_path, varying)
    assert entry.outputs == {"total": ("n",), "scaled": ("n", "token", 4)}
    model = open_model(entry, tmp_path, "cpu")
    values = np.ones((2, 7, 4), dtype=np.float32)
    found = model.run(values=values, weights=np.array([1, 2], dtype=np.float32))
    assert found["total"] == pytest.approx([28, 28])
    assert found["scaled"][1] == pytest.approx(2 * values[1])


def test_an_export_that_differs_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("onnx_models.training.export.TOLERANCE", -1.0)
    inputs = {"patches": torch.randn((5, N_CHANNELS, *PATCH))}
    points = facts("points", "abnormal_point_segmentation", "unet")
    with pytest.raises(ModelError, match="ONNX Runtime and torch differ"):
        install(PointSegmenter().eval(), inputs, ("probability",), points, TRAINING, {}, tmp_path)


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
