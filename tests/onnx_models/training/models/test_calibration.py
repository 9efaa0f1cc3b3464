"""Training needs torch; without it these tests skip."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import OUTER_SPARKS, changed_places, repaired, with_sparks

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from helpers.workshops import MarksWhatStandsOut, from_background, make_workshop  # noqa: E402

import onnx_models.training.models.calibration as calibration_models  # noqa: E402
from gadgets.detection.detector import Detector  # noqa: E402
from gadgets.evidence.maps import CHANNELS  # noqa: E402
from gadgets.settings.definitions import SparkDetectionSettings  # noqa: E402
from onnx_models.manifest import models_folder, read_manifest  # noqa: E402
from onnx_models.training.examples.pairs import PatchPairs  # noqa: E402
from onnx_models.training.models.calibration import fitted_mending, mending_loss, train_artifact_calibration  # noqa: E402
from onnx_models.training.networks.calibration import N_FEATURES  # noqa: E402
from pipelines.files.read_kspaces import read_kspaces  # noqa: E402

# torch's own exporter warns about its own internals.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def with_classifiers(folder):
    """Add the installed classifiers to a folder."""
    manifest = read_manifest(folder)
    entries = [entry for entry in read_manifest().models if entry.role == "first_classification"]
    for entry in entries:
        (folder / entry.file).write_bytes((models_folder() / entry.file).read_bytes())
    whole = manifest.model_copy(update={"models": (*manifest.models, *entries)})
    (folder / "manifest.json").write_text(whole.model_dump_json())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration_models, "fitted_segmenter", lambda _: MarksWhatStandsOut())
        patch.setattr(calibration_models, "fitted_mending", from_background)
        train_artifact_calibration(make_workshop(folder))
    with_classifiers(folder)
    return folder


def detector_of(folder, **properties):
    return Detector(SparkDetectionSettings(models=folder, provider="cpu", method="calibrate", **properties))


@pytest.mark.parametrize(("n_coils", "shape"), [(4, (64, 80)), (1, (40, 100)), (5, (33, 47))])
def test_sparks_are_found_and_repaired_by_the_model_and_nothing_else_is_changed(folder, n_coils, shape):
    sparks = {(0, 6, 30): None, (0, 25, 8): None}
    clean = make_scan(n_coils, shape=shape)
    kspace = with_sparks(clean, sparks)
    detection = detector_of(folder).detect(kspace)
    assert {point.place for point in detection.points} == set(sparks)
    assert all(len(point.values) == len(point.receivers) for point in detection.points)
    data, record = repaired(kspace, detection)
    assert "calibration_model" in {entry.method for entry in record.points}
    assert changed_places(kspace, data) == set(sparks)
    for place in sparks:
        where = (slice(None), *place)
        assert (
            np.abs(data[where] - clean.data[where]).max() < 0.2 * np.abs(kspace.data[where] - clean.data[where]).max()
        )


def test_receivers_that_were_not_hit_keep_their_samples(folder):
    kspace = with_sparks(make_scan(), OUTER_SPARKS)
    data, _ = repaired(kspace, detector_of(folder).detect(kspace))
    others = [0, 1, 3]
    assert np.array_equal(data[others, 0, 40, 20], kspace.data[others, 0, 40, 20])
    assert data[2, 0, 40, 20] != kspace.data[2, 0, 40, 20]


def test_whole_patches_are_replaced_on_request(folder):
    kspace = with_sparks(make_scan(), OUTER_SPARKS)
    pointwise, alone = repaired(kspace, detector_of(folder).detect(kspace))
    detection = detector_of(folder, merge="patch").detect(kspace)
    assert all(patch.samples for patch in detection.target_patches)
    whole, record = repaired(kspace, detection)
    assert alone.patches == ()
    assert set(record.patches) <= {patch.anchor for patch in detection.target_patches}
    assert len(record.patches) >= 3
    assert changed_places(kspace, pointwise) == set(OUTER_SPARKS)
    # Receivers that were not hit are in the patch, too.
    assert (whole[:, 0, 40, 20] != kspace.data[:, 0, 40, 20]).all()


def test_reversed_lines_and_partitions_keep_their_places(folder):
    clean = make_scan(2, n_partitions=2)
    kspace = with_sparks(clean, {(1, 10, 50): None})
    reverse = np.zeros((2, 64), dtype=bool)
    reverse[:, ::2] = True
    data = kspace.data.copy()
    data[:, reverse] = data[:, reverse, ::-1]
    kspace = replace(kspace, data=data, reversed_lines=reverse)
    for merge in ("points", "patch"):
        after, _ = repaired(kspace, detector_of(folder, merge=merge).detect(kspace))
        assert np.abs(after[:, 1, 10, 29] - clean.data[:, 1, 10, 50]).max() < 20
        assert np.abs(after - kspace.data)[:, 0].max() == 0


def test_real_samples_beside_sparks_stay_bit_identical(folder, data_folder):
    kspace = next(iter(read_kspaces(data_folder / "siemens_gre_2ch.h5"))).kspace
    detector = detector_of(folder)
    place = (0, int(kspace.data.shape[2] * 0.2), int(kspace.data.shape[3] * 0.7))
    sparked = with_sparks(kspace, {place: None}, amplitude=float(np.abs(kspace.data).max()) / 4)
    detection = detector.detect(sparked)
    assert place in {point.place for point in detection.points}
    data, record = repaired(sparked, detection)
    changed = {e.point.place for e in record.points if e.method is not None}
    assert place in changed
    assert changed_places(sparked, data) == changed


def make_pairs(n=32, seed=0):
    """One abnormal sample each; what the neighbours predict is right, what the background predicts is wrong."""
    rng = np.random.default_rng(seed)
    patches = rng.standard_normal((n, len(CHANNELS), 32, 32)).astype(np.float16)
    masks = np.zeros((n, 32, 32), dtype=np.uint8)
    masks[:, 12, 20] = 1
    sparks = np.zeros((n, 2, 2, 32, 32), dtype=np.float16)
    sparks[..., 12, 20] = 5 * rng.standard_normal((n, 2, 2))
    seen = rng.standard_normal((n, 2, 3, 2, 32, 32)).astype(np.float16)
    seen[:, :, 0] += sparks
    seen[:, :, 1] += 4 * rng.standard_normal((n, 2, 2, 32, 32)).astype(np.float16)
    seen[:, :, 2] = sparks + 0.05 * seen[:, :, 2]
    return PatchPairs(patches, np.zeros((n, 4), dtype=np.float32), masks, seen=seen, sparks=sparks)


def test_what_mends_learns_which_prediction_to_take(tmp_path):
    torch.manual_seed(1)
    workshop = make_workshop(tmp_path, epochs=60)
    pairs = make_pairs()
    object.__setattr__(workshop, "examples_of", lambda *_: (pairs, pairs))
    mending = fitted_mending(workshop, "test", lambda patches, _: patches[:, :1].expand(-1, N_FEATURES, -1, -1))
    unseen = make_pairs(seed=3)
    seen, sparks, masks = (
        torch.from_numpy(each.astype(np.float32)) for each in (unseen.seen, unseen.sparks, unseen.masks)
    )
    with torch.no_grad():
        features = torch.zeros((32, N_FEATURES, 32, 32))
        loss = mending_loss(mending(features, *seen.unbind(2)), sparks, masks)
        background = mending_loss(seen[:, :, 1], sparks, masks)
    assert loss < 0.3 * background


def test_only_abnormal_samples_count():
    masks = torch.zeros((1, 4, 4))
    masks[0, 1, 2] = 1
    sparks = torch.zeros((1, 2, 2, 4, 4))
    sparks[..., 1, 2] = 3
    taken = torch.randn((1, 2, 2, 4, 4))
    taken[..., 1, 2] = 3
    assert mending_loss(taken, sparks, masks) < 1e-2
    assert mending_loss(sparks * 0, sparks, masks) > 0.5
