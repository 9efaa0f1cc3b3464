"""Training needs torch; without it these tests skip."""

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import OUTER_SPARKS, changed_places, repaired, with_sparks

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from helpers.workshops import MarksWhatStandsOut, from_background, make_examples, make_workshop  # noqa: E402

import onnx_models.training.models.one_pass as one_pass_models  # noqa: E402
from gadgets.detection.detector import Detector  # noqa: E402
from gadgets.errors import SettingsError  # noqa: E402
from gadgets.settings.definitions import SparkDetectionSettings  # noqa: E402
from onnx_models.training.examples.sets import singles  # noqa: E402
from onnx_models.training.models.one_pass import train_cnn_unet, train_vit  # noqa: E402
from onnx_models.training.networks.points import PointSegmenter  # noqa: E402
from onnx_models.training.networks.transformers import SetTransformer  # noqa: E402

# torch's own exporter warns about its own internals.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


class MarksAndJudges(MarksWhatStandsOut):
    """Looks into sets of patches: a patch is a target if a sample of it stands out."""

    def __init__(self, *_):
        super().__init__()

    def forward(self, patches, positions, present):
        features = self.features(patches.flatten(0, 1))
        marks = self.mark(features)
        judged = marks.amax(dim=(1, 2)).unflatten(0, present.shape) + 0 * positions.sum(dim=-1)
        return judged, features, marks

    def alone(self, patches, positions):
        return self(patches.unsqueeze(1), positions.unsqueeze(1), torch.ones((len(patches), 1), dtype=torch.bool))[1:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    examples = make_examples(16), make_examples(16, seed=5)
    workshop = make_workshop(folder, examples, epochs=0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_pass_models, "fitted_segmenter", lambda _: PointSegmenter().eval())
        patch.setattr(one_pass_models, "fitted_mending", from_background)
        patch.setattr(one_pass_models, "fitted_transformer", lambda _: (SetTransformer(), *map(singles, examples)))
        for name in ("CnnUnet", "Vit"):
            patch.setattr(one_pass_models, name, MarksAndJudges)
        patch.setattr(one_pass_models, "_alarm_logit", lambda *_: 1.0)
        patch.setattr(one_pass_models, "shift_for", lambda _: 0.0)
        train_cnn_unet(workshop)
        train_vit(workshop)
    return folder


def detector_of(folder, **properties):
    return Detector(SparkDetectionSettings(models=folder, provider="cpu", method="one_pass", **properties))


KINDS = [("cnn_unet", "single"), *(("vit", sets) for sets in ("single", "adjacent", "conjugate", "ring"))]


@pytest.mark.parametrize(("one_pass_model", "patch_sets"), KINDS)
def test_one_pass_finds_and_repairs_and_changes_nothing_else(folder, one_pass_model, patch_sets):
    clean = make_scan()
    kspace = with_sparks(clean, OUTER_SPARKS)
    detection = detector_of(folder, one_pass_model=one_pass_model, patch_sets=patch_sets).detect(kspace)
    assert {patch.model for patch in detection.target_patches} == {f"patch_calibration_{one_pass_model}"}
    assert all(len(point.values) == len(point.receivers) for point in detection.points)
    data, record = repaired(kspace, detection)
    assert changed_places(kspace, data) == set(OUTER_SPARKS)
    assert "calibration_model" in {entry.method for entry in record.points}
    for place in OUTER_SPARKS:
        where = (slice(None), *place)
        left, spark = (np.abs(values[where] - clean.data[where]).max() for values in (data, kspace.data))
        assert left < 0.2 * spark


@pytest.mark.parametrize(("n_coils", "shape"), [(1, (33, 47)), (7, (20, 100))])
def test_any_number_of_receivers_and_samples_will_do(folder, n_coils, shape):
    kspace = with_sparks(make_scan(n_coils, shape=shape), {(0, 6, 30): None})
    detection = detector_of(folder, patch_sets="ring").detect(kspace)
    assert {point.place for point in detection.points} == {(0, 6, 30)}
    whole = detector_of(folder, merge="patch").detect(kspace)
    _, record = repaired(kspace, whole)
    assert record.patches


def test_thresholds_are_those_of_the_scan(folder):
    kspace = with_sparks(make_scan(), OUTER_SPARKS)
    assert detector_of(folder, one_pass_model="cnn_unet", threshold=1.0).detect(kspace).target_patches == ()


def test_a_cnn_takes_no_sets(folder):
    with pytest.raises(SettingsError, match="patch_sets: expected single"):
        detector_of(folder, one_pass_model="cnn_unet", patch_sets="ring")


def test_the_parts_learn_from_examples(tmp_path):
    torch.manual_seed(1)
    examples = make_examples(64), make_examples(32, seed=5)
    workshop = make_workshop(tmp_path, examples, epochs=4)
    segmenter = PointSegmenter().eval()
    head, missed = one_pass_models._fitted_head(workshop, "test", segmenter)
    with torch.no_grad():
        pooled = torch.from_numpy(one_pass_models._pooled(segmenter, examples[1]))
        logits = head(pooled, torch.from_numpy(examples[1].positions))
    assert logits[::2].mean() > logits[1::2].mean()
    assert missed
    longer = make_workshop(tmp_path, examples, epochs=40)
    decoder = one_pass_models._fitted_decoder(longer, "test", SetTransformer().eval(), singles(examples[0]))
    patches, masks = torch.from_numpy(examples[1].patches.astype(np.float32)), torch.from_numpy(examples[1].masks)
    with torch.no_grad():
        marks = decoder(patches, torch.zeros((32, decoder.context.in_features)))[1]
    assert marks[masks == 1].mean() > marks[masks == 0].mean()
