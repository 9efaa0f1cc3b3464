"""The wheel: it holds the chains and the models, and works where nothing else of the project is."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers.paths import ROOT

from onnx_models.manifest import read_manifest


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    builders = pytest.importorskip("hatchling.builders.wheel")
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = builders.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return Path(built)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(installed, *arguments):
    command = [sys.executable, "-m", "pipelines.commands.command_line", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        command, env=environment, cwd=installed.parent, capture_output=True, text=True, check=False, timeout=120
    )


def test_it_holds_every_chain_every_model_and_its_types(installed):
    expected = {path.relative_to(ROOT) for path in (ROOT / "pipelines" / "chains").glob("*.xml")}
    expected |= {Path("onnx_models") / entry.file for entry in read_manifest(None).models}
    expected |= {Path(package) / "py.typed" for package in ("gadgets", "pipelines", "onnx_models")}
    missing = [path for path in sorted(expected) if not (installed / path).is_file()]
    assert missing == []
    assert (installed / "onnx_models" / "manifest.json").is_file()


def test_it_holds_nothing_but_the_three_packages(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        (entry_points,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert "despark = pipelines.commands.program:main" in archive.read(entry_points).decode()
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gadgets", "onnx_models", "pipelines"}


def test_it_carries_its_bill_of_materials(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (bill,) = [name for name in archive.namelist() if ".dist-info/sboms/" in name]
        assert archive.read(bill) == (ROOT / "docker" / "sbom.cdx.json").read_bytes()


def test_its_models_are_whole_and_its_chains_are_known(installed):
    models = run(installed, "models")
    assert (models.returncode, models.stderr) == (0, "despark: opening the models that are installed …\n")
    refused = run(installed, "replay", "nothing.h5", "-o", "out.h5", "--pipeline", "nope")
    assert "for a real Gadgetron: repair_raw_default" in refused.stderr
