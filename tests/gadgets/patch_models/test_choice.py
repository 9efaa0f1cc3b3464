"""Models are chosen by the settings, with patches of a size that they judge, before the scan."""

from pathlib import Path

import onnx
import pytest
from helpers.kspaces import make_scan
from helpers.paths import ROOT
from helpers.small_models import add_set_classifier
from helpers.sparks import SPARKS, places, with_sparks

from gadgets.detection.detector import Detector
from gadgets.errors import SettingsError
from gadgets.patch_models.choice import open_method
from gadgets.settings import SparkDetectionSettings
from onnx_models.manifest import models_folder, read_manifest
from onnx_models.publish import hash_file, write_entry


def settings(**changes):
    return SparkDetectionSettings(provider="cpu", **changes)


@pytest.mark.parametrize("size", [16, 32, 48, 64])
def test_patches_have_the_size_that_was_set_by_hand(size):
    assert open_method(settings(patch_size=size), "rectangle").patch == (1, size, size)
    detection = Detector(settings(patch_size=size)).detect(with_sparks(make_scan()))
    n_along = {16: (4, 5), 32: (2, 3), 48: (2, 2), 64: (1, 2)}[size]
    assert detection.patches == n_along[0] * n_along[1]
    assert {patch.shape for patch in detection.target_patches} == {(1, size, size)}
    assert places(detection) == set(SPARKS)


def test_the_models_say_how_large_patches_are_where_nobody_else_does():
    assert open_method(settings(), "rectangle").patch == (1, 32, 32)


def fixed_models(folder: Path):
    """Copy the installed models of the first method such that they judge patches of 32x32 and no others."""
    for entry in read_manifest().models[:3]:
        model = onnx.load(ROOT / "onnx_models" / entry.file)
        for value in (*model.graph.input, *model.graph.output):
            for axis in value.type.tensor_type.shape.dim:
                if axis.dim_param not in ("", "n"):
                    axis.dim_value = 32
        onnx.save(model, folder / entry.file)
        fixed = {
            kind: {name: fixed_shape(shape) for name, shape in shapes.items()}
            for kind, shapes in (("inputs", entry.inputs), ("outputs", entry.outputs))
        }
        write_entry(entry.model_copy(update={**fixed, "sha256": hash_file(folder / entry.file)}), folder)


def fixed_shape(shape):
    return tuple(32 if axis in ("line", "sample") else axis for axis in shape)


def test_a_size_that_a_model_does_not_judge_is_refused_before_the_scan(tmp_path):
    fixed_models(tmp_path)
    said = r"patch_size: model \w+ judges patches of 32x32 only, found 48"
    with pytest.raises(SettingsError, match=said):
        Detector(settings(models=tmp_path, patch_size=48))
    assert open_method(settings(models=tmp_path, patch_size=32), "rectangle").patch == (1, 32, 32)


def test_models_that_judge_patches_of_different_sizes_are_refused_before_the_scan(tmp_path):
    fixed_models(tmp_path)
    for entry in read_manifest(tmp_path).models:
        if entry.role == "first_classification":
            inputs = entry.inputs | {"patches": ("n", 12, "line", "sample")}
            (tmp_path / entry.file).write_bytes((models_folder() / entry.file).read_bytes())
            changes = {"patch": (48, 48), "inputs": inputs, "sha256": hash_file(tmp_path / entry.file)}
            write_entry(entry.model_copy(update=changes), tmp_path)
    with pytest.raises(SettingsError, match="model abnormal_points judges patches of 32x32 only, found 48x48"):
        Detector(settings(models=tmp_path))


def test_an_overlap_that_leaves_no_step_is_refused_before_the_scan():
    said = "patch_overlap: expected less than the patch, which is 16x16, found 16"
    with pytest.raises(SettingsError, match=said):
        Detector(settings(patch_size=16, patch_overlap=16))


def whole_model(folder: Path):
    """Copy the installed models, with M2 as the one model for all regions."""
    add_set_classifier(folder)
    outer = read_manifest(folder).find("first_classification", "outer", "cnn")
    write_entry(outer.model_copy(update={"name": "whole", "region": "all"}), folder)


@pytest.mark.parametrize(
    ("regions", "judges"), [("two", {"target_patches_centre", "target_patches_outer"}), ("one", {"whole"})]
)
def test_one_model_judges_all_patches_or_each_region_has_its_own(tmp_path, regions, judges):
    whole_model(tmp_path)
    detection = Detector(settings(models=tmp_path, regions=regions)).detect(with_sparks(make_scan()))
    assert {patch.model for patch in detection.target_patches} == judges
    assert places(detection) == set(SPARKS)
