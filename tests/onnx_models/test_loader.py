from __future__ import annotations

import numpy as np
import onnx
import pytest
from helpers.small_models import entry_for, expected_logits, make_folder, write_classifier
from onnx import TensorProto

from onnx_models.errors import ModelError
from onnx_models.loader import open_model
from onnx_models.providers import CPU


def test_a_model_computes_what_its_weights_say(tmp_path):
    model = open_model(make_folder(tmp_path), tmp_path, "cpu")
    rng = np.random.default_rng(1)
    patches, position = rng.standard_normal((5, 2, 8, 8)), rng.standard_normal((5, 2))
    logits = model.run(patches=patches, position=position)["spark_logits"]
    np.testing.assert_allclose(logits, expected_logits(patches, position), rtol=1e-4, atol=1e-4)
    assert model.provider == CPU


def test_a_wrong_hash_names_model_and_both_hashes(tmp_path):
    entry = make_folder(tmp_path)
    content = bytearray((tmp_path / entry.file).read_bytes())
    content[-1] ^= 1
    (tmp_path / entry.file).write_bytes(content)
    with pytest.raises(
        ModelError, match=f"model m1: .*wrong hash, expected sha256 {entry.sha256}, found [0-9a-f]{{64}}"
    ):
        open_model(entry, tmp_path, "cpu")


def test_a_missing_file_is_named(tmp_path):
    entry = make_folder(tmp_path)
    (tmp_path / entry.file).unlink()
    with pytest.raises(ModelError, match=r"model m1: cannot read .*m1\.onnx \(No such file"):
        open_model(entry, tmp_path, "cpu")


def test_a_file_that_is_no_model_is_an_error(tmp_path):
    (tmp_path / "m1.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match="model m1: cannot be opened"):
        open_model(entry_for(tmp_path / "m1.onnx"), tmp_path, "cpu")


def test_weights_beside_the_file_that_was_verified_are_refused(tmp_path, monkeypatch):
    write_classifier(tmp_path / "m1.onnx")
    model = onnx.load(tmp_path / "m1.onnx")
    onnx.save_model(model, tmp_path / "m1.onnx", save_as_external_data=True, location="w.bin", size_threshold=100)
    # Where the library looks for them, if it is let.
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="model m1: cannot be opened"):
        open_model(entry_for(tmp_path / "m1.onnx"), tmp_path, "cpu")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"inputs": {"patches": ("n", 2, 8, 8)}}, "expected the inputs"),
        ({"inputs": {"patches": ("n", 2, 8, 9), "position": ("n", 2)}}, "expected the inputs"),
        ({"inputs": {"patches": ("n", 2, 64), "position": ("n", 2)}}, "expected the inputs"),
        ({"inputs": {"patches": ("n", 2, 8, "width"), "position": ("n", 2)}}, "expected the inputs"),
        ({"outputs": {"logits": ("n", 3)}}, "expected the outputs"),
        ({"outputs": {"spark_logits": ("n", 4)}}, "expected the outputs"),
    ],
)
def test_inputs_and_outputs_are_those_of_the_manifest(tmp_path, changes, complaint):
    entry = make_folder(tmp_path, **changes)
    with pytest.raises(ModelError, match=f"model m1: {complaint}"):
        open_model(entry, tmp_path, "cpu")


def test_a_fixed_batch_is_refused(tmp_path):
    write_classifier(tmp_path / "m1.onnx", batch=4)
    with pytest.raises(ModelError, match="expected the inputs"):
        open_model(entry_for(tmp_path / "m1.onnx"), tmp_path, "cpu")


def test_a_type_that_numpy_arrays_are_not_made_for_is_refused(tmp_path):
    write_classifier(tmp_path / "m1.onnx", element=TensorProto.DOUBLE)
    with pytest.raises(ModelError, match="expected inputs of a type among"):
        open_model(entry_for(tmp_path / "m1.onnx"), tmp_path, "cpu")
