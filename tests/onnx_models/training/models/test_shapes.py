"""Training models for segments and cuboids needs torch; without it these tests skip."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from helpers.workshops import make_workshop  # noqa: E402

from gadgets.evidence.maps import CHANNELS  # noqa: E402
from gadgets.patch_models.choice import open_method  # noqa: E402
from gadgets.settings.definitions import SparkDetectionSettings  # noqa: E402
from onnx_models.loader import open_model  # noqa: E402
from onnx_models.manifest import read_manifest  # noqa: E402
from onnx_models.training.examples.patches import Examples  # noqa: E402
from onnx_models.training.models import shapes as shape_models  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def shaped_examples(patch, n_positions, n=384, seed=0):
    """Every second patch holds samples that stand out in all maps: one of a segment, half a readout of a cuboid."""
    rng = np.random.default_rng(seed)
    patches = (0.3 * rng.standard_normal((n, len(CHANNELS), *patch))).astype(np.float16)
    masks = np.zeros((n, *patch), dtype=np.uint8)
    for row in range(0, n, 2):
        *place, sample = (int(rng.integers(size)) for size in patch)
        place.append(sample if len(patch) == 2 else slice(sample // 2, sample // 2 + 8))
        patches[(row, slice(None), *place)] += 4
        masks[(row, *place)] = 1
    return Examples(patches, rng.random((n, n_positions)).astype(np.float32), masks)


@pytest.mark.parametrize(("shape", "patch", "n_positions"), [("segment", (1, 32), 4), ("cuboid", (8, 16, 16), 5)])
def test_models_of_each_shape_learn_and_take_other_sizes(tmp_path, monkeypatch, shape, patch, n_positions):
    examples = shaped_examples(patch, n_positions), shaped_examples(patch, n_positions, 64, seed=5)
    monkeypatch.setattr(shape_models, "_examples", lambda _workshop, _shape: examples)
    monkeypatch.setitem(shape_models.BATCH, shape, 24)
    workshop = make_workshop(tmp_path, epochs=8)
    train = {
        "segment": (shape_models.train_segment_classifier, shape_models.train_segment_segmenter),
        "cuboid": (shape_models.train_cuboid_classifier, shape_models.train_cuboid_segmenter),
    }
    for each in train[shape]:
        torch.manual_seed(1)
        each(workshop)
    unseen = shaped_examples(patch, n_positions, 64, seed=9)
    classifier, segmenter = (open_model(entry, tmp_path, "cpu") for entry in read_manifest(tmp_path).models)
    chance = classifier.run(patches=unseen.patches, positions=unseen.positions)["probability"]
    assert chance[::2].mean() > chance[1::2].mean() + 0.3
    samples = segmenter.run(patches=unseen.patches)["probability"].reshape(unseen.masks.shape)
    assert samples[unseen.masks == 1].mean() > samples[unseen.masks == 0].mean() + 0.3
    assert (samples[unseen.masks == 0] > 0.5).mean() < 0.01
    settings = SparkDetectionSettings(models=tmp_path, provider="cpu", patch_shape=shape, patch_size=24)
    assert open_method(settings, shape).patch == ((1, 1, 24) if shape == "segment" else (24, 24, 24))
    assert (tmp_path / f"{shape}_abnormal_points.onnx").stat().st_size < 300_000
