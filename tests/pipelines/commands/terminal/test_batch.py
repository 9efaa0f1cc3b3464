"""Many files by one command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.raw_scans import make_raw_file
from typer.testing import CliRunner

from gadgets.errors import PipelineError, RawDataError, SettingsError
from pipelines.commands.command_line import build_app
from pipelines.commands.terminal.batch import outputs_of, run_all
from pipelines.commands.terminal.shell import Shell


@pytest.mark.parametrize(
    ("inputs", "output", "expected"),
    [
        (["a.h5"], "b.h5", ["b.h5"]),
        (["x/a.h5", "b.2.h5"], "out/{}.png", ["out/a.png", "out/b.2.png"]),
        (["a.nii.gz"], "{}_repaired.nii.gz", ["a_repaired.nii.gz"]),
        (["folder"], "{}_repaired", ["folder_repaired"]),
    ],
)
def test_braces_stand_for_the_name_of_the_input(inputs, output, expected):
    assert outputs_of([Path(each) for each in inputs], Path(output)) == [Path(each) for each in expected]


@pytest.mark.parametrize(
    ("inputs", "output", "message"),
    [
        (["a.h5", "b.h5"], "out/c.nii.gz", r"a name for each of 2 inputs, .* -o 'out/\{\}\.nii\.gz'"),
        (["a.h5", "b.h5"], "/", r"a name for each of 2 inputs, .* -o '/\{\}'"),
        (["x/a.h5", "y/a.h5"], "{}.h5", r"a\.h5: expected inputs of different names"),
    ],
)
def test_two_inputs_never_share_an_output(inputs, output, message):
    with pytest.raises(SettingsError, match=message):
        outputs_of([Path(each) for each in inputs], Path(output))


def failing(source, _target):
    if "bad" in source.name:
        raise RawDataError(f"{source}: broken")
    return source.name


def test_a_file_that_fails_does_not_cost_the_others_theirs(capsys):
    batch = run_all(Shell(), [Path("a.h5"), Path("bad.h5"), Path("c.h5")], Path("{}.png"), failing)
    assert batch.reports == ["a.h5", "c.h5"]
    assert "failed, going on with the next: bad.h5: broken" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(PipelineError, match="1 of 3 files failed"):
        batch.check(Shell())
    assert "despark: failed: bad.h5: broken" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(RawDataError, match="broken"):
        run_all(Shell(), [Path("bad.h5")], Path("out.h5"), failing)


def test_quiet_says_each_failure_once(capsys):
    quiet = Shell(quiet=True)
    batch = run_all(quiet, [Path("a.h5"), Path("bad.h5")], Path("{}.png"), failing)
    with pytest.raises(PipelineError, match="1 of 2 files failed"):
        batch.check(quiet)
    assert capsys.readouterr() == ("", "despark: failed: bad.h5: broken\n")


def test_a_missing_folder_is_said_once_and_before_any_work(tmp_path, capsys):
    with pytest.raises(RawDataError, match=r"the folder .* does not exist"):
        run_all(Shell(), [Path("a.h5"), Path("b.h5")], tmp_path / "rep" / "{}.h5", lambda *_: pytest.fail("was run"))
    assert capsys.readouterr().err == ""


def test_the_command_takes_many_and_reports_on_each(tmp_path):
    for name in ("a", "b"):
        make_raw_file(tmp_path / f"{name}.h5")
    arguments = ["replay", str(tmp_path / "a.h5"), str(tmp_path / "b.h5"), "-o", str(tmp_path / "{}_out.h5")]
    off = ["--pipeline", "repair_raw", "--set", "spark_detection.method=none", "--set", "calibration.method=none"]
    result = CliRunner().invoke(build_app("replay"), [*arguments, *off, "--json", str(tmp_path / "r.json")])
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "b.h5", "a_out.h5", "b_out.h5", "r.json"}
    reports = json.loads((tmp_path / "r.json").read_text())
    assert [Path(report["input"]).name for report in reports] == ["a.h5", "b.h5"]


def test_what_failed_is_repeated_below_what_did_not(tmp_path):
    make_raw_file(tmp_path / "a.h5")
    (tmp_path / "bad.h5").write_bytes(b"no HDF5")
    arguments = ["replay", str(tmp_path / "bad.h5"), str(tmp_path / "a.h5"), "-o", str(tmp_path / "{}_out.h5")]
    off = ["--pipeline", "repair_raw", "--set", "spark_detection.method=none", "--set", "calibration.method=none"]
    result = CliRunner().invoke(build_app("replay"), [*arguments, *off, "--json", str(tmp_path / "r.json")])
    assert isinstance(result.exception, PipelineError)
    said = result.output
    assert said.index("going on with the next") < said.index("written to") < said.index("despark: failed: ")
    (report,) = json.loads((tmp_path / "r.json").read_text())
    assert Path(report["input"]).name == "a.h5"
