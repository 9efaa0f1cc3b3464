"""The transformer over sets of patches: training needs torch; without it these tests skip."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from onnx_models.training.networks.transformers import SetTransformer  # noqa: E402


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return SetTransformer().eval()


def judged(network, *inputs):
    with torch.no_grad():
        return network(*inputs).numpy()


def make_sets(n=3, n_tokens=4, seed=0):
    rng = np.random.default_rng(seed)
    patches = torch.from_numpy(rng.standard_normal((n, n_tokens, 12, 32, 32)).astype(np.float32))
    positions = torch.from_numpy(rng.random((n, n_tokens, 4)).astype(np.float32))
    return patches, positions, torch.ones((n, n_tokens), dtype=torch.bool)


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
