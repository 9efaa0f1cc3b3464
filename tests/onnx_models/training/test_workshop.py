"""What an unfinished training has left is taken up where it is sound, and made again where it is not."""

import os

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from helpers.workshops import make_examples, make_workshop

from onnx_models.training.examples.patches import Examples


def put_pipe(path):
    path.unlink()
    os.mkfifo(path)


DAMAGES = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "junk": lambda path: path.write_bytes(b"junk" * 30),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "shorter": lambda path: np.save(path, np.zeros((3, 2))),
    "objects": lambda path: np.save(path, np.array([{}, None], dtype=object)),
    "pipe": put_pipe,
}


def saved_examples(folder, n=20):
    """Give the number of examples of a workshop that makes `n` where it has to."""
    workshop = make_workshop(folder)
    workshop.open()
    fitted, validation = workshop.examples_of("examples", Examples, lambda: make_examples(n))
    return len(fitted) + len(validation)


@pytest.mark.parametrize("name", ["patches", "positions", "masks"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_examples_are_made_again(tmp_path, damage, name):
    assert saved_examples(tmp_path) == saved_examples(tmp_path, 30) == 20
    DAMAGES[damage](tmp_path / ".unfinished" / "examples" / f"{name}.npy")
    assert saved_examples(tmp_path, 30) == saved_examples(tmp_path, 40) == 30


@pytest.mark.parametrize("damage", ["gone", "empty", "junk", "half", "pipe"])
def test_what_cannot_be_told_from_another_training_is_thrown_away(tmp_path, damage):
    saved_examples(tmp_path)
    DAMAGES[damage](tmp_path / ".unfinished" / "training.json")
    assert saved_examples(tmp_path, 30) == 30


@pytest.mark.parametrize("damage", ["pipe", "empty"])
def test_something_else_in_the_place_of_the_folder_is_not_waited_for(tmp_path, damage):
    (tmp_path / ".unfinished").touch()
    DAMAGES[damage](tmp_path / ".unfinished")
    with pytest.raises(FileExistsError):
        make_workshop(tmp_path).open()
