"""The example: one script, cell by cell, from a raw file to pictures."""

import subprocess
import sys
from pathlib import Path

import pipelines.files

SCRIPT = Path(pipelines.files.__file__).parents[1] / "example.py"


def run(tmp_path, *arguments):
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout


def test_it_finds_and_repairs_the_sparks_that_it_puts_in(tmp_path):
    printed = run(tmp_path)
    n_points = int(printed.partition(" abnormal points")[0].rpartition("\n")[2])
    n_changed = int(printed.partition(" samples were changed")[0].rpartition("\n")[2].partition(" of ")[0])
    assert n_points >= n_changed > 10
    for name in ("evidence.png", "before-and-after.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_it_takes_a_raw_file(tmp_path, phantom_file):
    printed = run(tmp_path, phantom_file)
    assert "coils, partitions, lines, samples: (4, 1, 32, 64)" in printed
    assert "0 of 2048 samples were changed" in printed


def test_it_consists_of_cells_of_text_and_code():
    cells = SCRIPT.read_text(encoding="utf-8").split("# %%")[1:]
    titles = [cell.partition("# ")[2].partition("\n")[0] for cell in cells if cell.startswith(" [markdown]")]
    assert titles[:2] == ["From a raw file to pictures", "A raw file"]
    assert all(cell.strip() for cell in cells)
