"""Training needs torch; without it these tests skip."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from helpers.kspaces import recorded_plane  # noqa: E402
from helpers.workshops import make_examples, make_workshop  # noqa: E402

from gadgets.patch_models.patch_sets import NONE  # noqa: E402
from gadgets.patches.regions import in_centre  # noqa: E402
from onnx_models.loader import open_model  # noqa: E402
from onnx_models.manifest import read_manifest  # noqa: E402
from onnx_models.training.examples.sets import make_set_examples  # noqa: E402
from onnx_models.training.models import vit as vit_models  # noqa: E402
from onnx_models.training.models.vit import judge_sets, missed_logits, train_set_transformer  # noqa: E402
from onnx_models.training.networks.transformers import SetTransformer  # noqa: E402

# torch's own exporter warns about its own internals.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return SetTransformer().eval()


@pytest.fixture(scope="module")
def sets():
    return make_set_examples({"one": [recorded_plane(1)]}, 50, seed=2, processes=1)


def test_only_present_patches_are_embedded_but_logits_are_those_of_the_network(network, sets):
    numbers = sets.sets[:6]
    patches, positions = (
        torch.from_numpy(values[numbers].astype(np.float32))
        for values in (sets.examples.patches, sets.examples.positions)
    )
    present = numbers != NONE
    with torch.no_grad():
        found = judge_sets(network, sets, numbers, torch.device("cpu")).numpy()
        expected = network(patches, positions, torch.from_numpy(present)).numpy()
    assert np.allclose(found[present], expected[present], atol=1e-5)


def test_all_but_a_share_of_the_patches_with_sparks_exceed_the_operating_point(network, sets):
    with torch.no_grad():
        logits = judge_sets(network, sets, sets.sets, torch.device("cpu")).numpy()
    missed = missed_logits(network, sets, 0.25)
    target = (sets.sets != NONE) & (sets.labels[sets.sets] == 1)
    centre = in_centre(sets.examples.positions)[sets.sets]
    for region, there in (("centre", target & centre), ("outer", target & ~centre)):
        assert (logits[there] > missed[region]).mean() == pytest.approx(0.75, abs=0.05)


def test_the_vision_transformer_learns_which_patches_hold_a_point(tmp_path, monkeypatch, sets):
    monkeypatch.setattr(vit_models, "make_set_examples", lambda *_: sets)
    train_set_transformer(make_workshop(tmp_path, (make_examples(512), make_examples(seed=5)), epochs=10))
    (entry,) = read_manifest(tmp_path).models
    assert (entry.role, entry.region, entry.architecture) == ("first_classification", "all", "vit")
    assert b".py" not in (tmp_path / entry.file).read_bytes()
    model, unseen = open_model(entry, tmp_path, "cpu"), make_examples(seed=9)
    target = (unseen.masks == 1).any(axis=(1, 2))
    for n_tokens in (1, 4):
        probability = model.run(
            patches=unseen.patches.astype(np.float32).reshape(-1, n_tokens, 12, 32, 32),
            positions=unseen.positions.reshape(-1, n_tokens, 4),
            present=np.ones((256 // n_tokens, n_tokens), dtype=bool),
        )["probability"].ravel()
        assert (probability[target] > 0.5).mean() > 0.9
        # How often a patch with a point is taken to be more likely one than a patch without.
        assert (probability[target][:, None] > probability[~target]).mean() > 0.75
