from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from helpers.small_models import entry_for, make_folder, write_classifier
from pydantic import ValidationError

from onnx_models.errors import ModelError
from onnx_models.manifest import Manifest, models_folder, read_manifest


@pytest.fixture
def entry(tmp_path: Path):
    return make_folder(tmp_path)


def manifest_text(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def test_a_written_manifest_reads_back_the_same(tmp_path, entry):
    assert read_manifest(tmp_path).models == (entry,)


def test_without_a_folder_the_installed_manifest_is_read():
    assert read_manifest() == read_manifest(models_folder())
    assert (models_folder() / "manifest.json").is_file()


@pytest.mark.usefixtures("entry")
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"colour": "red"}, "models.0.colour: Extra inputs are not permitted"),
        ({"role": "oracle"}, "models.0.role"),
        ({"region": "edge"}, "models.0.region"),
        ({"sha256": "abc"}, "models.0.sha256"),
        ({"file": "../m1.onnx"}, "models.0.file"),
        ({"file": "/m1.onnx"}, "models.0.file"),
        ({"file": "m1.bin"}, "models.0.file"),
        ({"card": "cards/../../m1.md"}, "models.0.card"),
        ({"inputs": {"patches": [1, 2, 8, 8]}}, "the first axis of 'patches' is the batch: expected 'n', found"),
        ({"outputs": {}}, "models.0.outputs"),
        ({"training": {"data": [], "seed": 1}}, "models.0.training.command"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, change, complaint):
    content = manifest_text(tmp_path)
    content["models"][0] |= change
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="not a valid manifest") as caught:
        read_manifest(tmp_path)
    assert complaint in str(caught.value)
    assert "manifest.json" in str(caught.value)


def test_a_folder_without_manifest_is_an_error(tmp_path):
    with pytest.raises(ModelError, match=r"manifest\.json: expected a manifest of models, cannot read it"):
        read_manifest(tmp_path)


def test_a_manifest_that_is_not_json_is_an_error(tmp_path):
    (tmp_path / "manifest.json").write_text("models:")
    with pytest.raises(ModelError, match="not a valid manifest: file: Invalid JSON"):
        read_manifest(tmp_path)


def test_names_are_unique(entry):
    with pytest.raises(ValidationError, match="found more than once: m1"):
        Manifest(models=(entry, entry))


def test_find_prefers_the_region_itself_over_all(tmp_path):
    write_classifier(tmp_path / "m.onnx")
    everywhere = entry_for(tmp_path / "m.onnx", name="m0", region="all")
    centre = entry_for(tmp_path / "m.onnx", name="m1", region="centre")
    transformer = entry_for(tmp_path / "m.onnx", name="m2", region="centre", architecture="vit")
    manifest = Manifest(models=(everywhere, centre, transformer))
    assert manifest.find("first_classification", "centre") == centre
    assert manifest.find("first_classification", "outer") == everywhere
    assert manifest.find("first_classification", "all") == everywhere
    assert manifest.find("first_classification") == everywhere
    assert manifest.find("first_classification", "centre", "vit") == transformer


def test_a_model_that_is_not_there_is_named_beside_those_that_are(tmp_path, entry):
    wanted = "expected a model for 'first_classification outer', found: first_classification centre cnn features-1 2D"
    with pytest.raises(ModelError, match=f"^{tmp_path}/manifest.json: {wanted}$"):
        read_manifest(tmp_path).find("first_classification", "outer")
    with pytest.raises(
        ModelError, match=r"^the manifest: expected .* found: first_classification centre cnn features-1 2D$"
    ):
        Manifest(models=(entry,)).find("first_classification", "outer")
    with pytest.raises(ModelError, match=r"found: none$"):
        Manifest().find("patch_calibration")


@pytest.mark.parametrize(
    "changes",
    [{"patch": (1 << 30, 1 << 30)}, {"inputs": {"patches": ("n", 1 << 40)}}, {"outputs": {"y": ("n", 2048, 1024)}}],
)
def test_sizes_that_no_model_has_are_refused_before_an_array_is_made_of_them(entry, changes):
    with pytest.raises(ValidationError, match="expected at most 1048576 values in a row, found"):
        Manifest(models=(entry.model_validate(entry.model_dump() | changes),))


@pytest.mark.parametrize("models", [[{"colour": "red"}] * 20_000, [{"c" * 1_000_000: 1}]])
def test_a_manifest_with_thousands_of_faults_is_told_in_few_words(tmp_path, models):
    (tmp_path / "manifest.json").write_text(json.dumps({"models": models}))
    with pytest.raises(ModelError, match=r"not a valid manifest: models\.0\.name: Field required; ") as caught:
        read_manifest(tmp_path)
    assert re.search(r"; and \d+ more$", str(caught.value))
    assert len(str(caught.value)) < 3000


def test_of_thousands_of_models_each_kind_is_named_once(entry):
    manifest = Manifest(models=tuple(entry.model_copy(update={"name": f"m{number}"}) for number in range(5000)))
    with pytest.raises(ModelError, match="expected a model for 'value_assignment', found: first_") as caught:
        manifest.find("value_assignment")
    assert len(str(caught.value)) < 500
