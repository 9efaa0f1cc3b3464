"""ONNX Runtime keeps quiet: no telemetry, no files of its own, imported in one place."""

import os
import re
import subprocess
import sys

import pytest
from helpers.paths import ROOT

OPEN_A_MODEL = """
import os, time
os.environ.pop("ORT_DISABLE_TELEMETRY", None)
from gadgets import SparkDetector
SparkDetector({"spark_detection.provider": "cpu"})
time.sleep(1)  # what is sent or written is so in the background
"""


def test_a_model_that_is_opened_leaves_no_files(tmp_path):
    folders = {name: tmp_path / name.lower() for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR")}
    for folder in folders.values():
        folder.mkdir()
    environment = {**os.environ, **folders, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", OPEN_A_MODEL], check=True, env=environment, cwd=tmp_path)
    assert [path for folder in folders.values() for path in folder.rglob("*")] == []


@pytest.mark.parametrize("package", ["gadgets", "pipelines", "onnx_models"])
def test_others_who_import_it_behind_us_and_programs_that_we_start_keep_quiet_too(package):
    show = "import os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    code = f"import {package}, subprocess, sys; subprocess.run([sys.executable, '-c', {show!r}], check=True)"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert result.stdout == "1\n"


@pytest.mark.parametrize(("said", "is_told"), [("0", True), ("1", False)])
def test_who_has_imported_it_before_us_is_told(said, is_told):
    code = "import sys, types; sys.modules['onnxruntime'] = types.ModuleType('onnxruntime'); "
    code += "from onnx_models.runtime import onnx_runtime; onnx_runtime(); onnx_runtime()"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": said}
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert result.stderr.count("imported before despark, with its telemetry on") == is_told


def test_the_variable_is_set_whatever_it_was():
    code = "import os; os.environ['ORT_DISABLE_TELEMETRY'] = '0'; from onnx_models.runtime import onnx_runtime; "
    code += "onnx_runtime(); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout == "1\n"


def test_nothing_else_imports_it():
    imports = re.compile(r"^\s*(import|from) onnxruntime", re.MULTILINE)
    for folder in ("gadgets", "pipelines", "onnx_models"):
        for path in (ROOT / folder).rglob("*.py"):
            text = re.sub(r"if TYPE_CHECKING:\n(    .*\n)+", "", path.read_text(encoding="utf-8"))
            assert not imports.search(text) or path.name == "runtime.py", path
