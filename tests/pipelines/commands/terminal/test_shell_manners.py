"""What commands share: how much they say and where, and results for machines that are whole or not there."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest
from helpers.raw_scans import Player, make_raw_file
from rich.table import Table

from gadgets.errors import RawDataError
from pipelines.commands.command_line import COMMANDS, main
from pipelines.commands.terminal.logs import SERVER_FORMAT
from pipelines.commands.terminal.shell import STDOUT, Shell, open_shell
from pipelines.messages import CLOSE, MessageID, text_message

PROGRAM = [sys.executable, "-m", "pipelines.commands.command_line"]
NO_MODELS = ["--set", "spark_detection.method=none"]


def run(*arguments, **options):
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120, **options
    )


@pytest.fixture
def opened(monkeypatch):
    """Open a shell as in a process of its own, where nothing logs yet; gives the root logger."""
    root = logging.getLogger()
    level = root.level

    def run(*options, **more):
        # Not before the test runs: pytest has handlers of its own by then.
        monkeypatch.setattr(root, "handlers", [])
        open_shell(*options, **more)
        return root

    yield run
    root.setLevel(level)


@pytest.mark.parametrize(
    ("options", "lowest"),
    [
        ((0, True), logging.ERROR), ((0, False), logging.WARNING), ((1, False), logging.INFO),
        ((2, False), logging.DEBUG), ((5, False), logging.DEBUG),
    ],
)  # fmt: skip
def test_each_v_says_more(opened, options, lowest):
    assert opened(*options).level == lowest


@pytest.mark.parametrize(
    ("options", "lowest"), [((0, True), logging.ERROR), ((0, False), logging.INFO), ((1, False), logging.DEBUG)]
)
def test_a_server_says_what_happens_unasked(opened, options, lowest):
    assert opened(*options, server=SERVER_FORMAT).level == lowest


def test_logs_are_ours_and_not_told_twice(opened, capsys):
    opened(2, False, told=("pipelines.host.host",))
    logging.getLogger("gadgets.node").debug("of ours")
    logging.getLogger("pipelines.host.host").error("told by the command")
    logging.getLogger("matplotlib").info("of a library")
    logging.getLogger("matplotlib").warning("of a library, but bad")
    captured = capsys.readouterr()
    assert captured.err == "despark: of ours\ndespark: warning: of a library, but bad\n"
    assert captured.out == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_more_and_less_at_once_is_wrong_usage(name, capfd, monkeypatch):
    needed = {
        "replay": ["a", "-o", "b.h5"], "image": ["a", "-o", "b"], "simulate": ["a", "b", "--truth", "c"],
        "accept": ["a", "b"], "inspect": ["a"], "train": ["a", "-o", "b"],
    }  # fmt: skip
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        main([name, *needed.get(name, []), "-q", "-v"])
    assert ended.value.code == 2
    assert "expected --verbose or --quiet, found both" in capfd.readouterr().err


def test_a_table_goes_beside_json_on_standard_output(capsys):
    shell = Shell(json_file=STDOUT)
    shell.write_json('{"a": 1}')
    shell.show(Table("heading"), "in [brackets]")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"a": 1}
    assert "heading" in captured.err
    assert "in [brackets]" in captured.err


def test_quiet_shows_no_table_but_the_json_that_was_asked_for(tmp_path, capsys):
    shell = Shell(quiet=True, json_file=tmp_path / "r.json")
    shell.say("something")
    shell.show("something")
    shell.write_json("{}")
    assert capsys.readouterr() == ("", "")
    assert (tmp_path / "r.json").read_text() == "{}\n"


def test_without_a_file_no_json_is_written(capsys):
    Shell().write_json("{}")
    assert capsys.readouterr() == ("", "")


def test_json_that_cannot_be_written_is_found_before_the_work(tmp_path):
    with pytest.raises(RawDataError, match=r"the folder .*no does not exist"):
        open_shell(0, False, tmp_path / "no" / "r.json")


def test_a_full_standard_output_is_one_line():
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        ended = subprocess.run(
            [*PROGRAM, "models", "-q", "--json", "-"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (
        1, "despark: standard output: cannot be written (No space left on device)\n"
    )  # fmt: skip


def test_models_can_be_read_by_a_machine():
    ended = run("models", "--json", "-")
    assert ended.returncode == 0
    assert "sha256" in ended.stderr
    models = json.loads(ended.stdout)["models"]
    assert {"name", "role", "sha256", "provider", "scores"} <= set(models[0])


@pytest.fixture
def run_here(monkeypatch, capfd):
    """Run a command in this process; gives its exit code, and what it writes to either stream."""
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        return subprocess.CompletedProcess(arguments, ended.value.code, *capfd.readouterr())

    return run


def test_simulated_replayed_and_accepted_for_machines(phantom_file, tmp_path, run_here):
    sparked, truth, repaired = tmp_path / "s.h5", tmp_path / "t.json", tmp_path / "r.h5"
    simulated = json.loads(run_here("simulate", phantom_file, sparked, "--truth", truth, "--json", "-").stdout)
    assert simulated["k_spaces"] == 2
    assert simulated["sparks"] == len(json.loads(truth.read_text())["sparks"])
    replay = ["replay", sparked, "-o", repaired, "--pipeline", "repair_raw", *NO_MODELS]
    both = run_here(*replay, "--json", "-")
    report = json.loads(both.stdout)
    assert report["totals"]["k_spaces"] == 2
    assert "k-spaces" in both.stderr
    for option in ("--json", "--report"):
        assert run_here(*replay, option, tmp_path / "report.json", "-q").returncode == 0
        assert json.loads((tmp_path / "report.json").read_text())["returned"] == report["returned"]
    accepted = run_here("accept", sparked, repaired, "--truth", truth, "--json", "-", "-q")
    assert accepted.stderr == ""
    counts = json.loads(accepted.stdout)
    assert counts["sparks"] == {"found": 0, "of": simulated["sparks"]}
    assert sum(group["of"] for group in counts["ring"].values()) == simulated["sparks"]
    assert counts["changed_beside_sparks"] == 0


def test_a_report_on_standard_output_leaves_no_file_of_that_name(phantom_file, tmp_path):
    ended = run(
        "replay", phantom_file, "-o", "o.h5", "--pipeline", "repair_raw", *NO_MODELS, "--report", "-", cwd=tmp_path
    )
    assert ended.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["o.h5"]


def test_verbose_says_what_starts_and_quiet_says_nothing(phantom_file, tmp_path):
    replay = ["replay", phantom_file, "-o", tmp_path / "o.h5", "--pipeline", "repair_raw", *NO_MODELS]
    said = run(*replay, "-v").stderr
    assert "despark: nodes start: raw_repair\n" in said
    assert all(line.startswith("despark: ") for line in said.splitlines())
    assert run(*replay, "-q").stderr == ""


def test_a_stream_says_what_it_runs_on_standard_error_alone():
    ended = run("stream", *NO_MODELS, input="")
    assert ended.stdout == ""
    first, failure = ended.stderr.splitlines()
    assert first == "despark: running repair_raw on the stream from standard input …"
    assert failure.startswith("despark: the input stream: ")


def test_a_demo_with_a_wrong_setting_leaves_nothing(tmp_path, run_here, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = run_here("demo", "--set", "spark_detection.treshold=1", "--output", "made")
    assert ended.returncode == 1
    assert "did you mean 'threshold'?" in ended.stderr
    assert not list(tmp_path.iterdir())


def test_what_a_client_sends_is_one_line_of_the_log(opened, capsys):
    opened(0, False, server=SERVER_FORMAT)
    log = logging.getLogger("pipelines.host.session")
    log.error("unknown pipeline %s", "a\n2026-01-01 00:00:00,000 INFO all is well\x1b[2J")
    try:
        raise ValueError("b\nc\x1b[2J")
    except ValueError:
        log.exception("failed")
    lines = capsys.readouterr().err.splitlines()
    assert r"unknown pipeline a\n2026-01-01 00:00:00,000 INFO all is well\x1b[2J" in lines[0]
    assert "ERROR failed" in lines[1]
    assert all(line.startswith("    ") and line.isprintable() for line in lines[2:])


def test_what_a_server_sends_does_nothing_to_the_terminal(tmp_path, run_here):
    raw = make_raw_file(tmp_path / "raw.h5")
    answer = bytes(text_message(MessageID.TEXT, "no\x1b]0;title\x07 \x9b2J\nreason").data) + bytes(CLOSE.data)
    with Player(answer) as server:
        result = run_here("replay", raw, "-o", tmp_path / "out.h5", "--host", server.host, *NO_MODELS)
    assert result.returncode == 1
    assert "\x1b" not in result.stderr + result.stdout
    assert r"the server reports: no\x1b]0;title\x07 \x9b2J | reason" in result.stderr


@pytest.mark.parametrize("json_file", [None, STDOUT])
def test_names_do_nothing_to_a_terminal(capsys, json_file):
    table = Table("place", "name \x1b[31m")
    table.add_row("record", "\x9b2J\x07.db" + 40 * " ")
    Shell(json_file=json_file).show("scan\x1b[2J.h5", table)
    said = "".join(capsys.readouterr())
    assert not {"\x1b", "\x07", "\x9b"} & set(said)
    assert "scan\\x1b[2J.h5" in said
    assert "\\x9b2J.db" in said


@pytest.mark.parametrize("words", [("--help",), ("worker", "--schema"), ("models",)])
def test_a_disk_that_is_full_is_said_in_one_line(words):
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        # As for most people: with it Python has no buffer, from which a second attempt would be made in the end.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        ended = subprocess.run(
            [*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("despark: standard output: ")
    assert "Traceback" not in ended.stderr


def test_a_working_folder_that_is_gone_is_named(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(SystemExit, match="1"):
        main(["simulate", "scan.h5", "sparked.h5", "--truth", "truth.json"])
    assert capsys.readouterr().err == "despark: the working folder: No such file or directory\n"


@pytest.mark.parametrize(
    "words", [("models", "--json", "-"), ("log", "--record", "none.db", "--csv", "-"), ("stream", *NO_MODELS)]
)
def test_a_standard_output_that_is_closed_is_said_before_the_work(tmp_path, words):
    ended = run(*words, cwd=tmp_path, preexec_fn=lambda: os.close(1))
    assert ended.returncode == 1
    assert ended.stderr == "despark: standard output: cannot be written (it is closed)\n"


# Its exit code is the number of the file that a command opens.
OPENS_A_FILE = """
import os
from pipelines.commands import command_line
command_line.build_app = lambda _: lambda *_, **__: os._exit(os.open("opened", os.O_CREAT | os.O_WRONLY))
command_line.main()
"""


def test_no_file_takes_the_place_of_a_descriptor_that_was_closed(tmp_path):
    program = [sys.executable, "-c", OPENS_A_FILE]
    ended = subprocess.run(program, cwd=tmp_path, preexec_fn=lambda: os.closerange(0, 3), check=False)
    assert ended.returncode > 2


@pytest.mark.parametrize("log", ["full", "unread"])
def test_a_log_that_takes_nothing_costs_no_scan(phantom_file, tmp_path, log):
    source, sink = os.pipe()
    os.close(source)
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        where = {"full": full, "unread": sink}[log]
        ended = subprocess.run(
            [*PROGRAM, "replay", phantom_file, "-o", tmp_path / "o.h5", "--pipeline", "repair_raw", *NO_MODELS],
            stdout=subprocess.DEVNULL,
            stderr=where,
            check=False,
        )
    os.close(sink)
    assert ended.returncode == 0
    assert (tmp_path / "o.h5").is_file()
