from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.small_models import add_set_classifier
from helpers.sparks import SPARKS, places, with_sparks

from gadgets.detection.detector import Detector
from gadgets.errors import SettingsError
from gadgets.kspace.planes import planes_of
from gadgets.patch_models.choice import open_method
from gadgets.patch_models.classifier_choice import HIGH_VARIANCE, intensity_variance, kind_for, most_accurate
from gadgets.patch_models.history import Result
from gadgets.patch_models.history_store import append
from gadgets.settings import SparkDetectionSettings
from onnx_models.errors import ModelError
from onnx_models.manifest import read_manifest
from pipelines.files.read_kspaces import read_kspaces

VIT = "small_vit"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    add_set_classifier(folder)
    return folder


def settings(**changes):
    return SparkDetectionSettings(provider="cpu", **changes)


def noise_scan(seed=0, n_coils=4):
    scan = make_scan(n_coils, seed=seed)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(scan.data.shape) + 1j * rng.standard_normal(scan.data.shape)
    return replace(scan, data=noise.astype(np.complex64))


def judges(detection):
    return {patch.model for patch in detection.target_patches}


def test_noise_of_one_receiver_has_the_variance_of_a_rayleigh_distribution():
    (plane,) = planes_of(noise_scan(n_coils=1))
    assert intensity_variance([plane]) == pytest.approx((4 - np.pi) / np.pi, rel=0.05)


def test_scale_and_samples_that_were_not_acquired_change_no_variance():
    scan = make_scan()
    (plane,) = planes_of(scan)
    (scaled,) = planes_of(replace(scan, data=scan.data * np.complex64(3e-6)))
    holes = plane.valid.copy()
    holes[:, ::2] = False
    (odd,) = planes_of(scan)
    odd = replace(odd, data=np.where(holes, odd.data, 0), valid=holes)
    (kept,) = planes_of(scan)
    kept = replace(kept, data=kept.data[:, :, 1::2], valid=kept.valid[:, 1::2])
    assert intensity_variance([scaled]) == pytest.approx(intensity_variance([plane]), rel=1e-4)
    assert intensity_variance([odd]) == pytest.approx(intensity_variance([kept]), rel=1e-4)


def test_a_bright_centre_is_for_the_cnn_and_noise_for_the_vit():
    assert kind_for(list(planes_of(make_scan()))) == "cnn"
    assert kind_for(list(planes_of(noise_scan()))) == "vit"


def test_each_plane_is_judged_by_the_model_that_suits_its_variance(models):
    detector = Detector(settings(models=models, classifier="variance"))
    spark = {(0, 10, 50): None}
    assert judges(detector.detect(with_sparks(noise_scan(), spark, amplitude=30))) == {VIT}
    bright = detector.detect(with_sparks(make_scan()))
    assert judges(bright) == {"target_patches_centre", "target_patches_outer"}
    assert places(bright) == set(SPARKS)


@pytest.mark.parametrize(("file", "kind"), [("lf055_flair_norfcage_2avg", "vit"), ("siemens_gre_2ch", "cnn")])
def test_real_scans_are_told_apart_by_their_variance(data_folder, file, kind):
    for acquired in read_kspaces(data_folder / f"{file}.h5", "dataset"):
        assert {kind_for([plane]) for plane in planes_of(acquired.kspace)} == {kind}


def test_the_outer_planes_of_a_3d_scan_are_for_the_vit(data_folder):
    (acquired,) = read_kspaces(data_folder / "syn_mni152_3d_8ch.h5", "dataset")
    variances = [intensity_variance([plane]) for plane in planes_of(acquired.kspace)]
    loudest = int(np.argmax(variances))
    assert variances[loudest] > HIGH_VARIANCE > max(variances[0], variances[-1])
    assert 0 < loudest < len(variances) - 1


def test_the_vit_judges_where_it_is_asked_to(models):
    detector = Detector(settings(models=models, classifier="vit"))
    detection = detector.detect(with_sparks(make_scan()))
    assert judges(detection) == {VIT}
    assert places(detection) == set(SPARKS)


@pytest.mark.parametrize("kind", ["adjacent", "conjugate", "ring"])
def test_sets_of_patches_are_for_the_vit(models, kind):
    detection = Detector(settings(models=models, classifier="vit", patch_sets=kind)).detect(with_sparks(make_scan()))
    assert places(detection) == set(SPARKS)
    with pytest.raises(SettingsError, match=f"patch_sets: expected single.*found {kind}"):
        Detector(settings(models=models, patch_sets=kind))


@pytest.mark.parametrize("kind", ["single", "adjacent", "conjugate", "ring"])
def test_sets_of_a_real_scan_hold_its_sparks_and_no_others(data_folder, models, kind):
    (acquired,) = read_kspaces(data_folder / "retro_siemens_brain_16ch_R2acs24.h5", "dataset")
    lines = np.flatnonzero(acquired.kspace.acquired_lines[0])
    sparks = {(0, int(lines[5]), 20): None, (0, int(lines[-7]), 100): (3,)}
    noise = np.median(np.abs(acquired.kspace.data[:, 0, lines, :6]))
    detector = Detector(settings(models=models, classifier="vit", patch_sets=kind))
    assert places(detector.detect(with_sparks(acquired.kspace, sparks, amplitude=60 * noise))) == set(sparks)
    assert places(detector.detect(acquired.kspace)) == set()


def test_the_more_accurate_in_past_calibrations_judges(models, tmp_path):
    history = tmp_path / "history.jsonl"
    append(history, Result(architecture="cnn", accuracy=0.8))
    append(history, Result(architecture="vit", accuracy=0.9))
    spark = with_sparks(make_scan())
    by_history = settings(models=models, classifier="accuracy", history=history)
    assert judges(Detector(by_history).detect(spark)) == {VIT}
    append(history, Result(architecture="vit", accuracy=0.1, n_judged=9))
    assert VIT not in judges(Detector(by_history).detect(spark))


@pytest.mark.parametrize(("score", "kind"), [("99.0 % (99/100)", "vit"), ("1.0 % (1/100)", "cnn"), (0.99, "vit")])
def test_without_a_history_the_scores_of_the_models_count(tmp_path, score, kind):
    vit = add_set_classifier(tmp_path, {"found": score})
    cnn = [entry for entry in read_manifest(tmp_path).models if entry.name.startswith("target_patches_")]
    assert most_accurate({}, {"cnn": cnn, "vit": [vit]}) == kind
    chosen = open_method(settings(models=tmp_path, classifier="accuracy"), "rectangle")
    assert (chosen.method.name_for("outer") == VIT) == (kind == "vit")


def test_a_history_of_one_model_alone_decides_nothing(models):
    entries = {"cnn": [read_manifest(models).find("first_classification", "outer", "cnn")]}
    entries["vit"] = [read_manifest(models).find("first_classification", "all", "vit")]
    assert most_accurate({"vit": 1.0}, entries) == "cnn"


@pytest.mark.parametrize("classifier", ["vit", "variance", "accuracy"])
def test_a_folder_without_a_vit_is_refused_before_the_scan(tmp_path, classifier):
    add_set_classifier(tmp_path)
    manifest = read_manifest(tmp_path)
    without = manifest.model_copy(update={"models": manifest.models[:3]})
    (tmp_path / "manifest.json").write_text(without.model_dump_json())
    with pytest.raises(ModelError, match="expected a model for 'first_classification all vit"):
        Detector(settings(models=tmp_path, classifier=classifier))
