"""What the doctor sees, on a machine that is well and on one that is not."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onnx_models.errors import ModelError
from pipelines.commands.command_line import build_app
from pipelines.commands.doctor import command, software
from pipelines.commands.doctor import machine as here
from pipelines.commands.doctor.command import findings_table, look
from pipelines.commands.doctor.findings import Finding
from pipelines.commands.doctor.machine import machine, ports, threads_told
from pipelines.commands.doctor.software import models, spark_in_a_phantom, versions


def states(found):
    return {(each.what, each.state) for each in found}


def test_a_spark_is_found_and_repaired():
    (spark,) = spark_in_a_phantom()
    assert spark.state == "well", spark.text


def test_a_spark_that_is_missed_is_a_fault(monkeypatch):
    monkeypatch.setattr(software, "SPARK_HEIGHT", 0.01)
    (spark,) = spark_in_a_phantom()
    assert spark.state == "fault"
    assert "expected one point at (0, 9, 70), found []" in spark.text


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(software, "_version", lambda name: "" if name in ("scipy", "torch") else "1")
    found = {(each.what, each.state): each.text for each in versions()}
    assert found["libraries", "fault"] == "not installed: scipy"
    assert found["extras", "note"] == "not installed: torch (despark[train])"


def test_models_that_leave_a_gpu_unused_are_a_fault(monkeypatch):
    assert states(models()) == {("models", "well"), ("GPU", "well")}
    monkeypatch.setattr(software, "cuda_devices", lambda: 2)
    assert states(models()) == {("models", "well"), ("GPU", "fault")}


def test_a_port_that_is_taken_is_said(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(here, "SERVE_PORT", taken.getsockname()[1])
        assert (f"port {here.SERVE_PORT}", "note") in states(ports())


def test_a_second_onnxruntime_is_a_fault(monkeypatch):
    assert not any(each.state == "fault" for each in versions())
    # Environments that see each other may have one each.
    folders = {"onnxruntime": Path("there"), "onnxruntime-gpu": Path("here")}
    monkeypatch.setattr(software, "_folder", folders.get)
    assert not any(each.state == "fault" for each in versions())
    monkeypatch.setattr(software, "_folder", lambda _: Path("here"))
    (fault,) = [each for each in versions() if each.state == "fault"]
    assert fault.text.startswith("onnxruntime beside onnxruntime-gpu: they overwrite")


def test_a_full_disk_is_a_fault(monkeypatch, tmp_path):
    monkeypatch.setenv("DESPARK_RECORD", str(tmp_path / "scans.db"))
    monkeypatch.setattr(here, "LEAST_FREE_BYTES", 1 << 62)
    disks = [each for each in machine() if each.what == "disk"]
    assert [each.state for each in disks] == ["fault", "fault"]
    assert [each.advice.rpartition(" ")[2] for each in disks] == ["TMPDIR", "DESPARK_RECORD"]


def test_whatever_is_not_well_says_what_to_do(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DESPARK_RECORD", str(tmp_path / "file" / "scans.db"))
    monkeypatch.setattr(software, "_version", lambda _: "")
    monkeypatch.setattr(software, "cuda_devices", lambda: 2)
    monkeypatch.setattr(here, "LEAST_FREE_BYTES", 1 << 62)
    monkeypatch.setattr(software, "SPARK_HEIGHT", 0.01)
    monkeypatch.setattr(here, "_is_taken", lambda _: True)
    found = look()
    assert {each.what for each in found if each.state == "fault"} == {"libraries", "GPU", "spark", "record", "disk"}
    assert [each.what for each in found if each.state != "well" and not each.advice] == []


def test_one_fault_does_not_hide_the_rest(monkeypatch):
    def broken():
        raise ModelError("models: broken")

    monkeypatch.setattr(software, "listing", broken)
    monkeypatch.setattr(command, "spark_in_a_phantom", lambda: iter(()))
    found = look()
    assert ("models", "fault") in states(found)
    assert ("disk", "well") in states(found)


@pytest.mark.parametrize(("state", "code"), [("well", 0), ("note", 0), ("fault", 1)])
def test_the_exit_code_tells_of_faults(monkeypatch, tmp_path, state, code):
    monkeypatch.setattr(
        "pipelines.commands.doctor.command.look",
        lambda _phase: [Finding(what="disk", state=state, text="little", advice="free some")],
    )
    result = CliRunner().invoke(build_app("doctor"), ["doctor", "--json", str(tmp_path / "d.json")])
    assert result.exit_code == code
    assert json.loads((tmp_path / "d.json").read_text())["findings"] == [
        {"what": "disk", "state": state, "text": "little", "advice": "free some"}
    ]


def test_eighty_columns_hold_it():
    from rich.console import Console

    console = Console(width=80, record=True)
    console.print(findings_table([Finding(what="ports 9010-9014", state="note", text="word " * 60)]))
    assert max(map(len, console.export_text().splitlines())) <= 80


def test_a_record_that_cannot_be_written_is_a_fault(monkeypatch, tmp_path):
    monkeypatch.setenv("DESPARK_RECORD", "off")
    assert ("record", "note") in states(machine())
    monkeypatch.setenv("DESPARK_RECORD", str(tmp_path / "scans.db"))
    assert ("record", "well") in states(machine())
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DESPARK_RECORD", str(tmp_path / "file" / "scans.db"))
    assert ("record", "fault") in states(machine())


def test_limits_of_threads_say_who_set_them():
    environment = {"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "1"}
    assert threads_told(environment, {"MKL_NUM_THREADS"}) == (
        "MKL_NUM_THREADS=1 (set by despark); OMP_NUM_THREADS=4 (set by the environment)"
    )
    assert threads_told({}, set()) == "no limit is set"


def test_whatever_a_library_raises_is_a_fault(monkeypatch):
    for error in (AttributeError("no SessionOptions"), MemoryError()):

        def fails(error=error):
            raise error

        monkeypatch.setattr(command, "models", fails)
        (found,) = [each for each in look() if each.what == "models"]
        assert (found.state, found.text) == ("fault", f"{type(error).__name__}: {error}")
