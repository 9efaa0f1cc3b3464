"""What is exported computes what the network computes: training needs torch; without it these tests skip."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from helpers.workshops import TRAINING  # noqa: E402

from gadgets.evidence.maps import CHANNELS  # noqa: E402
from onnx_models.errors import ModelError  # noqa: E402
from onnx_models.loader import open_model  # noqa: E402
from onnx_models.training.examples.patches import PATCH  # noqa: E402
from onnx_models.training.export import Calibrated, Facts, install  # noqa: E402
from onnx_models.training.networks.points import N_CHANNELS, PatchClassifier, PointSegmenter  # noqa: E402
from onnx_models.training.onnx_file import Signature  # noqa: E402

# torch's own exporter warns about its own internals.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def facts(name="model", role="first_classification", architecture="cnn"):
    return Facts(name, role, "all", architecture, PATCH, "evidence-1")


def test_an_exported_model_gives_what_the_network_gives(tmp_path):
    torch.manual_seed(0)
    network = PatchClassifier().eval()
    inputs = {"patches": torch.randn((5, N_CHANNELS, *PATCH)), "positions": torch.rand((5, 4))}
    entry = install(Calibrated(network, 0.5), Signature(inputs, ("probability",)), facts(), TRAINING, {}, tmp_path)
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
    entry = install(Sums(), Signature(inputs, ("total", "scaled"), varying), facts(), TRAINING, {}, tmp_path)
    assert entry.outputs == {"total": ("n",), "scaled": ("n", "token", 4)}
    model = open_model(entry, tmp_path, "cpu")
    values = np.ones((2, 7, 4), dtype=np.float32)
    found = model.run(values=values, weights=np.array([1, 2], dtype=np.float32))
    assert found["total"] == pytest.approx([28, 28])
    assert found["scaled"][1] == pytest.approx(2 * values[1])


def test_an_export_that_differs_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("onnx_models.training.onnx_file.TOLERANCE", -1.0)
    inputs = {"patches": torch.randn((5, N_CHANNELS, *PATCH))}
    points = facts("points", "abnormal_point_segmentation", "unet")
    with pytest.raises(ModelError, match="ONNX Runtime and torch differ"):
        install(PointSegmenter().eval(), Signature(inputs, ("probability",)), points, TRAINING, {}, tmp_path)
