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
from onnx_models.training.examples.sets import joined_sets, make_set_examples, singles  # noqa: E402
from onnx_models.training.models import vit as vit_models  # noqa: E402
from onnx_models.training.models.points import CalibratedByPlace, labels_of, train_whole_classifier  # noqa: E402
from onnx_models.training.models.vit import judge_sets, missed_logits, train_set_transformer  # noqa: E402
from onnx_models.training.networks.transformers import SetTransformer  # noqa: E402

# torch's own exporter warns about its own internals.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return SetTransformer().eval()


def make_sets(n=3, n_tokens=4, seed=0):
    rng = np.random.default_rng(seed)
    patches = torch.from_numpy(rng.standard_normal((n, n_tokens, 12, 32, 32)).astype(np.float32))
    positions = torch.from_numpy(rng.random((n, n_tokens, 4)).astype(np.float32))
    return patches, positions, torch.ones((n, n_tokens), dtype=torch.bool)


def judged(network, *inputs):
    with torch.no_grad():
        return network(*inputs).numpy()


def test_what_fills_up_a_set_changes_nothing(network):
    patches, positions, present = make_sets()
    alone = judged(network, patches, positions, present)
    filled = judged(
        network,
        torch.cat([patches, 50 * patches[:, :2]], dim=1),
        torch.cat([positions, -positions[:, :2]], dim=1),
        torch.cat([present, torch.zeros((3, 2), dtype=torch.bool)], dim=1),
    )
    assert np.allclose(filled[:, :4], alone, atol=1e-6)


def test_each_patch_is_judged_in_the_light_of_the_others(network):
    patches, positions, present = make_sets()
    before = judged(network, patches, positions, present)
    patches[:, 3] *= 3
    after = judged(network, patches, positions, present)
    assert (np.abs(after - before)[:, :3] > 1e-5).all()


def test_a_patch_is_judged_by_where_it_lies(network):
    patches, positions, present = make_sets(n_tokens=1)
    assert (
        np.abs(judged(network, patches, positions, present) - judged(network, patches, 3 * positions, present))
    ).min() > 1e-4


def test_the_order_of_a_set_does_not_matter(network):
    inputs = make_sets()
    turned = judged(network, *(values.flip(1) for values in inputs))
    assert np.allclose(turned[:, ::-1], judged(network, *inputs), atol=1e-5)


def test_weights_are_few():
    assert sum(parameter.numel() for parameter in SetTransformer().parameters()) * 4 < 0.4e6


@pytest.fixture(scope="module")
def sets():
    return make_set_examples({"one": [recorded_plane(1)]}, 50, seed=2, processes=1)


def test_sets_of_all_kinds_are_cut_from_whole_planes(sets):
    lengths = (sets.sets != NONE).sum(axis=1)
    assert {1, 2, 3} < set(lengths)
    assert lengths.max() > 3
    assert set(np.unique(sets.sets[sets.sets != NONE])) == set(range(len(sets.examples)))
    assert set(np.unique(sets.labels)) == {0, 1, 2}
    assert sets.examples.patches.dtype == np.float16


def test_joined_sets_mean_the_same_patches(sets):
    examples = make_examples(8)
    both = joined_sets([singles(examples), sets])
    assert both.sets[:8, 0].tolist() == list(range(8))
    row = int(np.argmax((sets.sets != NONE).sum(axis=1)))
    there = both.sets[8 + row][: sets.sets.shape[1]]
    assert np.array_equal(both.examples.masks[there], sets.examples.masks[sets.sets[row]])


def test_only_present_patches_are_embedded_but_logits_are_those_of_the_network(network, sets):
    numbers = sets.sets[:6]
    with torch.no_grad():
        found = judge_sets(network, sets, numbers, torch.device("cpu")).numpy()
    patches, positions = (
        torch.from_numpy(values[numbers].astype(np.float32))
        for values in (sets.examples.patches, sets.examples.positions)
    )
    present = numbers != NONE
    expected = judged(network, patches, positions, torch.from_numpy(present))
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
