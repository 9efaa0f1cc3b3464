"""The value assignment model: training needs torch; without it these tests skip."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from helpers.workshops import silent  # noqa: E402

from gadgets.repair.network.value_assignment import open_value_assignment  # noqa: E402
from gadgets.repair.network.windows import MAPS, N_CHANNELS, PAIRS, WINDOW  # noqa: E402
from gadgets.settings.definitions import CalibrationSettings  # noqa: E402
from onnx_models.manifest import read_manifest  # noqa: E402
from onnx_models.model_entry import Training  # noqa: E402
from onnx_models.training.examples.windows import WindowExamples  # noqa: E402
from onnx_models.training.models import values as value_models  # noqa: E402
from onnx_models.training.models.values import ValueAssigner, train_value_assignment, value_loss  # noqa: E402
from onnx_models.training.workshop import Recipe, Workshop  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def made_windows(n=256, seed=0):
    """Windows in which the truth is half of what the neighbours say, at the middle sample."""
    rng = np.random.default_rng(seed)
    windows = rng.standard_normal((n, N_CHANNELS, *WINDOW)).astype(np.float16)
    windows[:, 2 * len(PAIRS) :] = 0
    windows[:, 2 * len(PAIRS) + MAPS.index("wanted"), 6, 12] = 1
    at = 2 * PAIRS.index("neighbours")
    missed = np.zeros((n, 2, *WINDOW), np.float16)
    missed[:, :, 6, 12] = windows[:, at : at + 2, 6, 12] / 2
    return WindowExamples(windows, missed)


def distance_left(folder, examples):
    assignment = open_value_assignment(CalibrationSettings(method="network", models=folder, provider="cpu"))
    correction = assignment._model.run(windows=examples.windows.astype(np.float32))["correction"]
    wrong = (correction - examples.missed)[..., 6, 12]
    return np.linalg.norm(wrong) / np.linalg.norm(examples.missed[..., 6, 12].astype(np.float32))


def test_the_model_learns_whom_to_believe(tmp_path, monkeypatch):
    monkeypatch.setattr(value_models, "from_planes", lambda *_, **__: [made_windows(512)])
    recipe, training = Recipe(n_planes=50, epochs=8, processes=1), Training(data=(), seed=1, command="")
    workshop = Workshop({}, tmp_path, recipe, training, {}, silent, silent)
    torch.manual_seed(1)
    train_value_assignment(workshop)
    (entry,) = read_manifest(tmp_path).models
    assert (entry.name, entry.role, entry.patch) == ("value_assignment", "value_assignment", WINDOW)
    assert (tmp_path / entry.file).stat().st_size < 300_000
    assert distance_left(tmp_path, made_windows(seed=5)) < 0.5


def test_an_untrained_network_is_nearly_the_interpolation():
    examples = made_windows(16)
    with torch.no_grad():
        correction = ValueAssigner().eval()(torch.from_numpy(examples.windows.astype(np.float32)))
    assert correction.abs().max() < 1


def test_what_others_say_far_away_adds_a_bounded_part():
    windows = torch.zeros((1, N_CHANNELS, *WINDOW))
    windows[:, 2 * PAIRS.index("partner")] = 1e4
    with torch.no_grad():
        assert ValueAssigner().eval()(windows).abs().max() < value_models.FAR / 10


def test_only_wanted_samples_count():
    wanted, missed = torch.zeros((2, *WINDOW)), torch.randn((2, 2, *WINDOW))
    wanted[:, 3, 4] = 1
    right = torch.zeros_like(missed)
    right[..., 3, 4] = missed[..., 3, 4]
    assert value_loss(right, missed, wanted) < 0.02
    assert value_loss(torch.zeros_like(missed), missed, wanted) > 0.2
