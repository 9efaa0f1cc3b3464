"""The despark command: exit codes, one line per failure, nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from helpers.connections import wait_until
from helpers.paths import PROBES
from helpers.raw_scans import (
    ACQ_IS_NOISE_MEASUREMENT,
    chain_xml,
    converse,
    make_raw_file,
    raw_acquisition,
    scan_bytes,
)

from onnx_models.errors import DesparkError
from pipelines.commands.command_line import COMMANDS, check_build_date, main

NO_MODELS = ["--set", "spark_detection.method=none"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(PROBES), os.environ.get("PYTHONPATH", "")])))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    make_raw_file(tmp_path / "raw.h5")
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def despark(*arguments):
    """Run the command in this process and give its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code


def text(path, content):
    path.write_text(content)
    return path


def truncated(tmp_path):
    path = make_raw_file(tmp_path / "cut.h5")
    os.truncate(path, path.stat().st_size // 2)
    return path


def with_header(tmp_path):
    path = make_raw_file(tmp_path / "header.h5")
    with h5py.File(path, "r+") as file:
        file["dataset/xml"][0] = b"<ismrmrdHeader"
    return path


def noise(tmp_path):
    return make_raw_file(tmp_path / "noise.h5", [raw_acquisition(flags=ACQ_IS_NOISE_MEASUREMENT)])


def broken_node(tmp_path):
    (tmp_path / "chain.xml").write_bytes(chain_xml("kill_itself"))
    return tmp_path / "chain.xml"


BAD_INPUT = {
    "not HDF5": (lambda folder: [text(folder / "a.h5", "hello")], "a.h5: not an HDF5 file"),
    "no such file": (lambda _: ["nowhere.h5"], "nowhere.h5: no such file"),
    "no such group": (lambda _: ["raw.h5", "--group", "scan"], r"raw.h5: no group 'scan' \(the file has 'dataset'\)"),
    "header": (lambda folder: [with_header(folder)], "header.h5: the MRD header is not well-formed XML"),
    "truncated": (lambda folder: [truncated(folder)], "cut.h5: cannot be read .*truncated"),
    "unknown pipeline": (lambda _: ["raw.h5", "--pipeline", "nope"], "unknown pipeline 'nope'"),
    "no file": (lambda _: ["raw.h5", "--pipeline", "nope.xml"], "or an XML file that is there"),
    "unknown node": (lambda _: ["raw.h5", "--set", "nope.a=1"], "no node 'nope'"),
    "unknown property": (lambda _: ["raw.h5", "--set", "calibration.a=1"], "calibration: unknown property 'a'"),
    "wrong type": (
        lambda _: ["raw.h5", "--set", "spark_detection.threshold=high"],
        "spark_detection.threshold: .* found 'high'",
    ),
    "no setting": (lambda _: ["raw.h5", "--set", "a"], "expected NODE.PROPERTY=VALUE, found 'a'"),
    "no models": (lambda _: ["raw.h5", "--set", "spark_detection.models=no"], "no/manifest.json"),
    "no imaging data": (lambda folder: [noise(folder)], "noise.h5: no imaging data for spark_calibration"),
    "nobody there": (lambda _: ["raw.h5", "--host", "127.0.0.1:1"], r"no Gadgetron at 127.0.0.1:1 \("),
    "no address": (
        lambda _: ["raw.h5", "--host", "there"],
        "expected HOST:PORT, such as localhost:9002, found 'there'",
    ),
    "a node that dies": (
        lambda folder: ["raw.h5", "--pipeline", broken_node(folder)],
        "the server reports: node probe_gadgets failed: killed by SIGKILL",
    ),
    "report in no folder": (lambda _: ["raw.h5", "--report", "no/r.json"], "the folder no does not exist"),
}


@pytest.mark.parametrize(("arguments", "line"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_one_clear_line_and_no_output(tmp_path, capfd, arguments, line):
    assert despark("replay", *arguments(tmp_path), "-o", "out.h5", "-q") == 1
    error = capfd.readouterr().err
    assert re.fullmatch(f"despark: .*{line}.*\n", error), error
    assert not [path.name for path in tmp_path.iterdir() if "out.h5" in path.name]


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("raw.h5", "the output would overwrite the input"),
        ("link.h5", "the output would overwrite the input"),
        ("hard.h5", "the output would overwrite the input"),
        ("./../{folder}/raw.h5", "the output would overwrite the input"),
        ("no/out.h5", "the folder no does not exist"),
        (".", "expected a new or an empty folder, found one that holds files"),
    ],
)
def test_an_output_that_cannot_be_is_refused(tmp_path, capfd, output, line):
    (tmp_path / "link.h5").symlink_to(tmp_path / "raw.h5")
    (tmp_path / "hard.h5").hardlink_to(tmp_path / "raw.h5")
    before = (tmp_path / "raw.h5").read_bytes()
    assert despark("replay", "raw.h5", "-o", output.format(folder=tmp_path.name), "-q") == 1
    assert re.fullmatch(f"despark: .*{line}\n", capfd.readouterr().err)
    assert (tmp_path / "raw.h5").read_bytes() == before


@pytest.mark.parametrize("arguments", [["replay"], ["replay", "raw.h5"], ["replay", "raw.h5", "-o", "o", "--x"], ["x"]])
def test_wrong_usage_has_an_exit_code_of_its_own(capfd, arguments):
    assert despark(*arguments) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_a_replay_ends_with_a_summary_and_a_report(tmp_path, capfd):
    arguments = ["replay", "raw.h5", "-o", "out.h5", "--pipeline", "repair_raw", "--report", "r.json", *NO_MODELS]
    assert despark(*arguments) == 0
    captured = capfd.readouterr()
    assert captured.err == "despark: replaying raw.h5 through repair_raw …\n"
    for part in ("k-spaces", "abnormal points", "receivers hit", "time per stage", "acquisitions: 9", "out.h5"):
        assert part in captured.out
    assert json.loads((tmp_path / "r.json").read_text())["returned"]["acquisitions"] == 9
    assert despark(*arguments, "--quiet") == 0
    assert capfd.readouterr() == ("", "")


def test_other_groups_are_mentioned(tmp_path, capfd):
    make_raw_file(tmp_path / "two.h5", group="scan")
    with h5py.File(tmp_path / "two.h5", "r+") as file:
        file.create_group("prescan")
    assert despark("replay", "two.h5", "-o", "out.h5", "--group", "scan", "--pipeline", "repair_raw", *NO_MODELS) == 0
    assert "other groups of two.h5 are not copied: prescan" in capfd.readouterr().err
    with h5py.File(tmp_path / "out.h5") as file:
        assert list(file) == ["dataset"]


def test_help_and_version_answer_at_once():
    program = [sys.executable, "-m", "pipelines.commands.command_line"]
    started = time.monotonic()
    version = subprocess.run([*program, "--version"], capture_output=True, text=True, check=True)
    shown = subprocess.run([*program, "--help"], capture_output=True, text=True, check=True)
    assert time.monotonic() - started < 10
    assert re.fullmatch(r"despark \S+\n", version.stdout)
    for name, command in COMMANDS.items():
        assert f"  {name} " in shown.stdout
        assert command.help.split(":")[0].split(",")[0] in shown.stdout


def test_help_imports_nothing_heavy():
    code = "import sys; from pipelines.commands.command_line import build_app; build_app(None); print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "typer" in imported
    assert not {"numpy", "h5py", "onnxruntime", "ismrmrd", "scipy", "pydantic"} & set(imported)


def test_no_command_and_no_node_brings_what_draws_pictures_before_one_is_drawn():
    """It reads settings of its own from the working directory, and takes longer to import than all else."""
    modules = [command.module for command in COMMANDS.values() if command.module != "pipelines.commands.train"]
    code = (
        "import importlib, sys; from pipelines.host.nodes.node_start import imports; list(imports()); "
        f"[importlib.import_module(name) for name in {modules!r}]; sys.exit('matplotlib' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_of_its_own(capfd, name):
    assert despark(name, "--help") == 0
    assert name in capfd.readouterr().out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_replay_leaves_neither_files_nor_processes(tmp_path, monkeypatch, number, code):
    monkeypatch.setenv("PROBE_PID_FILE", str(tmp_path / "pid"))
    (tmp_path / "chain.xml").write_bytes(chain_xml("note_pid_and_wait"))
    arguments = ["replay", "raw.h5", "-o", "out.h5", "--pipeline", "chain.xml"]
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines.commands.command_line", *arguments], stderr=subprocess.PIPE, text=True
    ) as program:
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        program.send_signal(number)
        error = program.communicate(timeout=30)[1]
    assert program.returncode == code
    assert "Traceback" not in error
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert not [path for path in tmp_path.iterdir() if "out.h5" in path.name]


def test_serve_serves_until_it_is_stopped():
    code = (
        "from pipelines.commands import serve; serve.check_default_models = lambda: None; "
        "from pipelines.commands.command_line import main; main(['serve', '--port', '0', '--trust-clients'])"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as program:
        try:
            address = re.search(r"listening on (\S+):(\d+)", program.stderr.readline())
            host, port = address[1], int(address[2])
            assert host == "127.0.0.1"
            for _ in range(2):
                assert len(converse((host, port), scan_bytes(chain_xml("pass_on")))) == 10
            program.send_signal(signal.SIGINT)
            assert program.wait(30) == 0
            assert "Traceback" not in program.stderr.read()
        finally:
            with contextlib.suppress(ProcessLookupError):
                program.kill()


def test_serve_does_not_start_on_a_port_in_use(monkeypatch, capfd):
    monkeypatch.setattr("pipelines.commands.serve.check_default_models", lambda: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert despark("serve", "--port", taken.getsockname()[1]) == 1
    assert "despark: cannot listen on 127.0.0.1:" in capfd.readouterr().err


def test_models_are_listed(capfd):
    assert despark("models") == 0
    assert "sha256" in capfd.readouterr().out
    assert despark("models", "--models", "nowhere") == 1


def in_an_environment(*words, **variables):
    words = [sys.executable, "-m", "pipelines.commands.command_line", *words]
    return subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **variables})


def test_pictures_need_no_backend_of_whoever_starts_the_command():
    words = ["inspect", "raw.h5", "-o", "page.html", "--png", "page.png", "--pdf", "page.pdf", "-q", *NO_MODELS]
    ended = in_an_environment(*words, MPLBACKEND="module://matplotlib_inline.backend_inline")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_remark_of_numpy_is_not_shown(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    # Beyond single precision, in which k-spaces are.
    nibabel.save(nibabel.Nifti1Image(np.full((16, 16, 1), 1e300), np.eye(4)), tmp_path / "image.nii")
    ended = in_an_environment("image", "image.nii", "-o", "out.nii", "-q", *NO_MODELS)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("library", "words"),
    [(library, ["doctor"]) for library in ("scipy", "ismrmrd", "rich")]
    + [("matplotlib", ["inspect", "raw.h5", "-o", "page.html", "-q", *NO_MODELS])],
)
def test_a_library_that_cannot_be_loaded_is_named_in_one_line(tmp_path, library, words):
    (tmp_path / f"{library}.py").write_text("raise ImportError('libodd.so: not there')")
    ended = in_an_environment(*words, PYTHONPATH=str(tmp_path))
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("despark: this installation is not whole")
    assert "libodd.so: not there" in line


@pytest.mark.parametrize(("given", "told"), [("no 9 GiB left", "no 9 GiB left"), ("", "MemoryError")])
def test_a_scan_for_which_there_is_no_memory_is_one_line(monkeypatch, capsys, given, told):
    def no_memory(*_, **__):
        raise MemoryError(given)

    monkeypatch.setattr("pipelines.commands.models.listing", no_memory)
    with pytest.raises(SystemExit) as ended:
        main(["models", "-q"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"despark: there is not enough memory ({told})\n"


def test_a_build_date_that_is_none_is_told_before_numpy_stumbles_over_it():
    ended = in_an_environment("inspect", "scan.h5", SOURCE_DATE_EPOCH="x")
    assert ended.returncode == 1
    said = "despark: SOURCE_DATE_EPOCH in the environment: expected seconds since 1970, found 'x'"
    assert ended.stderr.splitlines()[-1] == said
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("date", ["", "-5", "9" * 12])
def test_other_build_dates_that_are_none_are_told_too(date):
    with pytest.raises(DesparkError, match=f"expected seconds since 1970, found {date!r}"):
        check_build_date({"SOURCE_DATE_EPOCH": date})
