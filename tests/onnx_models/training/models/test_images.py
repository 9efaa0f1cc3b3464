"""Second classification models: that they learn what stripes are, and their operating points."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from helpers.workshops import make_workshop  # noqa: E402

from gadgets.image_check.artifact import BLOCK, image_detail, open_image_check  # noqa: E402
from gadgets.settings.definitions import SparkDetectionSettings  # noqa: E402
from onnx_models.loader import open_model  # noqa: E402
from onnx_models.manifest import read_manifest  # noqa: E402
from onnx_models.training.examples.images import ARTIFACT, CLEAN, ImageExamples  # noqa: E402
from onnx_models.training.models import images as image_models  # noqa: E402
from onnx_models.training.models.images import missed_block_logit, train_image_cnn, train_image_vit, turned  # noqa: E402

# torch's own exporter warns about its own internals.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def striped_blocks(n=72, seed=0):
    """Every second image has stripes of some direction and width all over it."""
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(*(np.arange(size) for size in BLOCK), indexing="ij")
    blocks = np.empty((n, *BLOCK), np.float16)
    for row in range(n):
        image = 20 + 10 * (np.hypot(y - 112, x - 112) < rng.uniform(40, 90)) + rng.standard_normal(BLOCK)
        if row % 2 == 0:
            angle, wave = rng.uniform(0, np.pi), rng.uniform(0.6, 2.4)
            image = image + 3 * np.cos(wave * (np.cos(angle) * x + np.sin(angle) * y))
        blocks[row] = image_detail(image)
    return ImageExamples(blocks, np.tile(np.array([ARTIFACT, CLEAN], np.uint8), n // 2))


@pytest.mark.parametrize(("train", "epochs"), [(train_image_cnn, 10), (train_image_vit, 12)])
def test_a_model_learns_what_stripes_are(tmp_path, train, epochs):
    workshop = make_workshop(tmp_path, epochs=epochs)
    image_models._MADE[workshop] = striped_blocks()
    torch.manual_seed(1)
    train(workshop)
    (entry,) = read_manifest(tmp_path).models
    assert (entry.role, entry.patch, entry.normalisation) == ("second_classification", BLOCK, "image-1")
    assert (tmp_path / entry.file).stat().st_size < 400_000
    unseen = striped_blocks(32, seed=9)
    probability = open_model(entry, tmp_path, "cpu").run(blocks=unseen.blocks.astype(np.float32))["probability"]
    striped, clean = probability[::2], probability[1::2]
    assert (striped[:, None] > clean[None, :]).mean() > 0.9
    chosen = SparkDetectionSettings(models=tmp_path, provider="cpu", image_check=True, image_model=entry.architecture)
    assert open_image_check(chosen).model.entry == entry


def test_all_but_few_blocks_with_artifacts_exceed_the_operating_point():
    class Mean(torch.nn.Module):
        def forward(self, blocks):
            return blocks.mean(dim=(1, 2))

    blocks = np.ones((200, *BLOCK), np.float16) * np.arange(200, dtype=np.float16)[:, None, None]
    assert missed_block_logit(Mean(), blocks) == pytest.approx(1.99, abs=0.01)
    assert missed_block_logit(Mean(), blocks[:0]) == 0.0


def test_the_eight_views_of_a_block_are_different():
    block = np.arange(BLOCK[0] * BLOCK[1], dtype=np.float32).reshape(1, *BLOCK)
    views = {turned(block, number).tobytes() for number in range(8)}
    assert len(views) == 8
