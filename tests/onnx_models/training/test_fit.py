"""A fit repeats itself and can be interrupted: training needs torch; without it these tests skip."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from helpers.workshops import make_examples, silent  # noqa: E402

from onnx_models.training.fit import Schedule, fit  # noqa: E402
from onnx_models.training.networks.points import PointSegmenter  # noqa: E402


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
