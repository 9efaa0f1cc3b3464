from __future__ import annotations

import pytest
from helpers.small_models import make_folder

from onnx_models.errors import ModelError
from onnx_models.listing import listing
from onnx_models.providers import CPU


def test_every_model_has_a_row_and_a_damaged_one_is_refused_by_name(tmp_path):
    good = make_folder(tmp_path, "m1")
    damaged = make_folder(tmp_path, "m2", region="outer")
    with (tmp_path / damaged.file).open("ab") as file:
        file.write(b"x")
    first, second = listing(tmp_path, "cpu")
    assert (first.name, first.region, first.sha256, first.provider, first.refusal) == (
        *("m1", "centre"),
        good.sha256,
        CPU,
        "",
    )
    assert first.scores == good.scores
    assert (second.name, second.provider) == ("m2", "")
    assert "model m2" in second.refusal
    assert "wrong hash" in second.refusal


def test_a_folder_without_manifest_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="expected a manifest"):
        listing(tmp_path)
