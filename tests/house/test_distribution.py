"""What is installed is whole: types, chains, models, and the command."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files

import pytest


@pytest.mark.parametrize("package", ["gadgets", "pipelines", "onnx_models"])
def test_a_package_says_that_it_is_typed(package):
    assert (files(package) / "py.typed").is_file()


@pytest.mark.parametrize("chain", ["spark_calibration", "repair_raw"])
def test_a_chain_is_installed(chain):
    assert (files("pipelines") / "chains" / f"{chain}.xml").is_file()


def test_the_manifest_is_installed():
    assert (files("onnx_models") / "manifest.json").is_file()


def test_the_command_is_installed():
    try:
        installed = distribution("despark")
    except PackageNotFoundError:
        pytest.skip("despark is not installed, only lies in the working directory")
    (command,) = [entry for entry in installed.entry_points if entry.group == "console_scripts"]
    assert command.name == "despark"
    assert callable(command.load())
