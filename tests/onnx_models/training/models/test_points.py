"""Models of single patches, and their operating points: training needs torch; without it these tests skip."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from helpers.workshops import make_examples, make_workshop  # noqa: E402

from gadgets.patches.regions import in_centre  # noqa: E402
from onnx_models.loader import open_model  # noqa: E402
from onnx_models.manifest import read_manifest  # noqa: E402
from onnx_models.training.models.points import (  # noqa: E402
    CalibratedByPlace,
    labels_of,
    missed_logit,
    train_outer_classifier,
    train_segmenter,
    train_whole_classifier,
)
from onnx_models.training.networks.points import PatchClassifier  # noqa: E402

# torch's own exporter warns about its own internals.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


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


class First(torch.nn.Module):
    """Gives what it is given first."""

    def forward(self, first, *_):
        return first


def test_each_region_has_its_own_operating_point():
    model = CalibratedByPlace(First(), {"centre": -2.0, "outer": -1.0})
    positions = torch.tensor([[0.0, 0, 0, 0.05], [0.0, 0, 0, 0.5]])
    at_threshold = model(torch.tensor([-2.0, -1.0]), positions)
    assert at_threshold.tolist() == pytest.approx([0.7, 0.5])


def test_one_cnn_learns_from_the_patches_of_both_regions(tmp_path):
    examples = make_examples(512)
    examples.positions[::3, 3] = 0.05
    train_whole_classifier(make_workshop(tmp_path, (examples, make_examples(seed=5))))
    (entry,) = read_manifest(tmp_path).models
    assert (entry.name, entry.region) == ("target_patches_all", "all")
    probability = open_model(entry, tmp_path, "cpu").run(
        patches=examples.patches.astype(np.float32), positions=examples.positions
    )["probability"]
    target, _ = labels_of(examples.masks)
    for centre in (True, False):
        here = in_centre(examples.positions) == centre
        assert probability[here & target].mean() > probability[here & ~target].mean() + 0.5
