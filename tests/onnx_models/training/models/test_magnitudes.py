"""Models of magnitudes, in every normalisation: training needs torch; without it these tests skip."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra: train)")

from helpers.kspaces import make_scan
from helpers.sparks import with_sparks
from helpers.workshops import make_magnitude_evidence, make_workshop

from gadgets.detection.detector import Detector
from gadgets.errors import ModelError
from gadgets.patches.preprocessing import MAGNITUDE_SET
from gadgets.settings.definitions import RawRepairSettings, SparkDetectionSettings
from gadgets.settings.parsing import validate
from onnx_models.manifest import read_manifest
from onnx_models.training.models.magnitudes import train_magnitude_classifier, train_magnitude_segmenter
from pipelines.files.read_kspaces import read_kspaces

# torch's own exporter warns about its own internals.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("magnitudes")
    workshop = make_workshop(path, (make_magnitude_evidence(512), make_magnitude_evidence(128, seed=5)), epochs=6)
    train_magnitude_segmenter(workshop)
    train_magnitude_classifier(workshop)
    return path


@pytest.mark.parametrize("preprocessing", ["max_min", "max_min_by_place", "z_score", "none"])
def test_one_pair_of_models_finds_sparks_in_every_normalisation(folder, preprocessing):
    detector = Detector(SparkDetectionSettings(provider="cpu", models=folder, preprocessing=preprocessing))
    sparks = {(0, 10, 50): None, (0, 50, 20): None}
    detection = detector.detect(with_sparks(make_scan(), sparks))
    assert {point.place for point in detection.points} == set(sparks)
    assert {patch.model for patch in detection.target_patches} == {"magnitude_target_patches"}
    assert detector.detect(make_scan()).points == ()


def test_sparks_in_a_recorded_kspace_are_found_and_nothing_else(folder, data_folder):
    properties = {"spark_detection.preprocessing": "max_min_by_place", "spark_detection.models": str(folder)}
    settings = validate(properties, RawRepairSettings, "raw_repair").spark_detection
    detector = Detector(settings.model_copy(update={"provider": "cpu"}))
    kspace = next(iter(read_kspaces(data_folder / "siemens_gre_2ch.h5"))).kspace
    sparks = {(0, 20, 60): None, (0, 130, 250): None}
    noise = float(np.median(np.abs(kspace.data[..., :6])))
    detection = detector.detect(with_sparks(kspace, sparks, amplitude=100 * noise))
    assert {point.place for point in detection.points} == set(sparks)


def test_max_decides_what_can_be_told_apart(folder):
    """With a Max below the noise all samples are alike, and nothing is found."""
    settings = SparkDetectionSettings(provider="cpu", models=folder, preprocessing="max_min", centre_max=1e-5)
    assert Detector(settings).detect(with_sparks(make_scan())).points == ()


def test_the_models_are_known_by_what_they_look_at(folder):
    entries = {entry.name: entry for entry in read_manifest(folder).models}
    assert set(entries) == {"magnitude_abnormal_points", "magnitude_target_patches"}
    assert {entry.normalisation for entry in entries.values()} == {MAGNITUDE_SET}
    with pytest.raises(ModelError, match="evidence-1"):
        Detector(SparkDetectionSettings(provider="cpu", models=folder))
