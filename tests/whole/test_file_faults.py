"""Faults of files and of memory, in every command and node that they reach: a reason, no rest, and no lost scan."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers.builders import acquisition, encoding
from helpers.paths import ROOT
from helpers.raw_scans import HEADER, make_raw_file, scan_bytes, scan_items

import gadgets.process.deadline
from gadgets.errors import DesparkError
from gadgets.findings import ScanFacts
from gadgets.raw_repair import open_stage
from gadgets.settings import RawRepairSettings
from onnx_models.manifest import models_folder, read_manifest
from onnx_models.publish import write_entry
from pipelines.benchmark import read_results
from pipelines.chains import find_chain
from pipelines.phantom import Truth
from pipelines.worker import worker_settings

COMMAND = [sys.executable, "-m", "pipelines.commands.command_line"]
NO_SEARCH = ["--set", "spark_detection.method=none"]

READERS = {
    "truth": (Truth.read, "expected the truth written by despark simulate"),
    "settings of a worker": (lambda path: worker_settings(path, {}), "cannot be read|not JSON|expected"),
    "results of a benchmark": (read_results, "expected what despark benchmark --json writes"),
    "chain": (lambda path: find_chain(str(path)), "unknown pipeline|XML|cannot be read|expected"),
}
CONTENTS = {
    "nothing": None,
    "a folder": "folder",
    "a pipe": "pipe",
    "empty": b"",
    "zeros": bytes(100),
    "no text": b"\xff\xfe\xfa",
    "a number": b"7",
    "nested deep": b"[" * 200_000,
    "other JSON": b'{"files": [1], "sparks": 3}',
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("reader", READERS)
def test_whatever_lies_in_the_place_of_a_file_is_refused_in_one_line(tmp_path, reader, content):
    path, (read, reason) = tmp_path / "file", READERS[reader]
    kind = CONTENTS[content]
    if isinstance(kind, bytes):
        path.write_bytes(kind)
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(DesparkError, match=reason) as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1


def limited(n_bytes):
    """Let no file grow beyond so many bytes, as a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))


@pytest.mark.parametrize("n_bytes", [0, 3000, 20_000])
def test_a_disk_that_fills_up_while_an_output_is_written_leaves_nothing_of_it(tmp_path, n_bytes):
    raw = make_raw_file(tmp_path / "raw.h5", scan_items(n_lines=60))
    folder = tmp_path / "out"
    folder.mkdir()
    command = [*COMMAND, "replay", str(raw), "-o", str(folder / "o.h5"), "--pipeline", "repair_raw", *NO_SEARCH]
    shown = subprocess.run(
        command, preexec_fn=limited(n_bytes), capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.returncode == 1
    said = shown.stderr.splitlines()[-1]
    assert "cannot be written" in said or "no temporary folder can be made" in said
    assert "Traceback" not in shown.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", ["replay", "simulate", "stream"])
def test_a_full_device_in_the_place_of_a_file_is_told(tmp_path, command):
    raw = make_raw_file(tmp_path / "raw.h5")
    arguments = {
        "replay": ["replay", str(raw), "-o", str(tmp_path / "o.h5"), "--json", "-", *NO_SEARCH],
        "simulate": ["simulate", str(raw), "/dev/full", "--seed", "1", "--truth", str(tmp_path / "t.json")],
        "stream": ["stream", *NO_SEARCH],
    }[command]
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        content = scan_bytes(b"", scan_items(), HEADER)[6:]
        shown = subprocess.run(
            [*COMMAND, *arguments], input=content, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
        )
    said = shown.stderr.decode()
    assert shown.returncode == 1
    assert "Traceback" not in said
    assert "No space left on device" in said or "found something else (a device, a pipe)" in said


STARVED = """
import resource, sys
import numpy as np
from helpers.builders import acquisition, encoding
from gadgets.findings import ScanFacts
from gadgets.raw_repair import open_stage
from gadgets.settings import RawRepairSettings

settings = RawRepairSettings.model_validate(
    {"report": sys.argv[1], "spark_detection": {"provider": "cpu"}, "calibration": {"record": "off"}}
)
encodings = (encoding(n_lines=256, n_samples=256),)
small, large = (open_stage(settings, encodings, ScanFacts()) for _ in range(2))
# Once with memory: what the libraries take for good is theirs then.
few = [acquisition(line, n_samples=256, n_coils=2) for line in range(256)]
assert len(list(small(few))) == 256
lines = [acquisition(line, n_samples=256, n_coils=32) for line in range(256)]
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 1_000_000, resource.RLIM_INFINITY))
assert list(large(lines)) == lines
"""


def test_a_detection_without_memory_passes_the_scan_on(tmp_path):
    path = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", STARVED, str(tmp_path / "r")]
    shown = subprocess.run(command, env=path, capture_output=True, text=True, timeout=100, check=False)
    assert shown.returncode == 0, shown.stderr[-2000:]
    assert "passed on unjudged: " in (tmp_path / "r").read_text()


def test_models_that_are_replaced_under_way_change_nothing_of_the_scan(tmp_path):
    for entry in read_manifest().models[:3]:
        shutil.copy(models_folder() / entry.file, tmp_path)
        write_entry(entry, tmp_path)
    options = {"report": tmp_path / "r", "spark_detection": {"models": tmp_path, "provider": "cpu"}}
    settings = RawRepairSettings.model_validate({**options, "calibration": {"record": "off"}})
    lines = [acquisition(line, n_samples=32, n_coils=4, repetition=n) for n in range(2) for line in range(32)]

    def replaced():
        for number, line in enumerate(lines):
            if number == 40:
                for file in tmp_path.glob("*.onnx"):
                    file.write_bytes(b"half an upgrade")
                (tmp_path / "manifest.json").unlink()
            yield line

    stage = open_stage(settings, (encoding(n_lines=32, n_samples=32),), ScanFacts())
    assert len(list(stage(replaced()))) == 64
    text = (tmp_path / "r").read_text()
    assert text.count('"provider":"CPUExecutionProvider"') == 2
    assert "unjudged" not in text
    # The next scan finds nothing to open, and passes.
    assert list(open_stage(settings, (encoding(n_lines=32, n_samples=32),), ScanFacts())(lines)) == lines
    assert "passed on unjudged: expected a manifest" in (tmp_path / "r").read_text().replace("manifest.json: ", "")


@pytest.mark.parametrize("jump_s", [1e9, -1e9])
def test_a_clock_that_jumps_ends_no_scan_and_no_time_limit(monkeypatch, jump_s):
    settings = RawRepairSettings.model_validate(
        {"spark_detection": {"provider": "cpu", "time_limit": 20}, "calibration": {"record": "off"}}
    )
    stage, real = open_stage(settings, (encoding(n_lines=32, n_samples=32),), ScanFacts()), time.time
    lines = [acquisition(line, n_samples=32, n_coils=4) for line in range(32)]
    monkeypatch.setattr(time, "time", lambda: real() + jump_s * np.random.default_rng().random())
    start = gadgets.process.deadline.time.monotonic()
    assert len(list(stage(lines))) == 32
    assert gadgets.process.deadline.time.monotonic() - start < 20
