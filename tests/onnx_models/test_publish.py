from __future__ import annotations

import hashlib

import pytest
from helpers.small_models import entry_for, make_folder, write_classifier

from onnx_models.errors import ModelError
from onnx_models.manifest import read_manifest
from onnx_models.publish import hash_file, render_card, write_entry


def test_the_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"spark")
    assert hash_file(tmp_path / "file") == hashlib.sha256(b"spark").hexdigest()


def test_an_entry_of_the_same_name_is_replaced_in_its_place(tmp_path):
    make_folder(tmp_path, "m1")
    second = make_folder(tmp_path, "m2")
    changed = entry_for(tmp_path / "m1.onnx", scores={"found": 0.9})
    assert write_entry(changed, tmp_path).models == (changed, second)
    assert read_manifest(tmp_path).models == (changed, second)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cards", "m1.onnx", "m2.onnx", "manifest.json"]


def test_an_entry_without_its_file_is_refused(tmp_path):
    entry = make_folder(tmp_path)
    (tmp_path / entry.file).unlink()
    with pytest.raises(ModelError, match=r"model m1: expected its file at .*m1\.onnx, found none"):
        write_entry(entry, tmp_path)


def test_an_entry_whose_hash_is_not_that_of_the_file_is_refused(tmp_path):
    write_classifier(tmp_path / "m1.onnx")
    entry = entry_for(tmp_path / "m1.onnx", sha256="0" * 64)
    with pytest.raises(ModelError, match="wrong hash, expected 0000"):
        write_entry(entry, tmp_path)
    assert not (tmp_path / "manifest.json").exists()


def test_a_damaged_manifest_is_not_overwritten(tmp_path):
    entry = make_folder(tmp_path)
    (tmp_path / "manifest.json").write_text("{}}")
    with pytest.raises(ModelError, match="not a valid manifest"):
        write_entry(entry, tmp_path)
    assert (tmp_path / "manifest.json").read_text() == "{}}"


def test_the_card_says_how_the_model_was_made_and_how_well_it_does(tmp_path):
    entry = make_folder(tmp_path)
    card = (tmp_path / entry.card).read_text()
    assert card == render_card(entry, "Tests.", "All of them.")
    for part in (
        entry.sha256,
        "Seed 5",
        "- made up",
        "| found, r < 0.1 | 0.5 |",
        "12 of 24",
        "## Limits\n\nAll of them.",
    ):
        assert part in card
    assert "None measured." in render_card(entry.model_copy(update={"scores": {}}), "Tests.", "All.")
