"""A fit repeats itself and can be interrupted: training needs torch; without it these tests skip."""

import os
import resource

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from helpers.workshops import make_examples, silent  # noqa: E402

from onnx_models.errors import ModelError  # noqa: E402
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


def fit_little(checkpoint=None):
    torch.manual_seed(3)
    network = torch.nn.Linear(4, 1)

    def loss(rows, device):
        return network(torch.from_numpy(rows[:, None] * np.ones(4, np.float32)).float().to(device)).square().mean()

    return fit(network, np.arange(16), loss, "test", Schedule(epochs=4, batch=4), silent, checkpoint).state_dict()


def without_weights(path):
    torch.save(torch.load(path) | {"network": {}}, path)


def of_another_optimiser(path):
    torch.save(torch.load(path) | {"optimiser": 3}, path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"junk" * 100),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: torch.save({"a": 1}, path),
        lambda path: torch.save([1], path),
        lambda path: torch.save(torch.load(path) | {"step": "x"}, path),
        without_weights,
        of_another_optimiser,
        lambda path: (path.unlink(), os.mkfifo(path)),
    ],
    ids=["empty", "junk", "half", "other", "list", "step", "weights", "optimiser", "pipe"],
)
def test_a_damaged_beginning_is_begun_anew(tmp_path, damage):
    path = tmp_path / "test.pt"
    fit_little(path)
    damage(path)
    again = fit_little(path)
    assert all(torch.equal(again[name], value) for name, value in fit_little().items())


def test_a_loss_that_is_no_number_ends_the_fit():
    network = torch.nn.Linear(1, 1)

    def loss(_rows, _device):
        return network.weight.sum() * float("nan")

    with pytest.raises(ModelError, match="test: expected a loss that is a number, found nan in step 1 of 1"):
        fit(network, np.arange(4), loss, "test", Schedule(epochs=1, batch=4), silent)


def test_a_full_disk_is_an_error_of_the_disk_and_leaves_nothing_half(tmp_path):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            fit_little(tmp_path / "test.pt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert not (tmp_path / "test.pt").exists()
