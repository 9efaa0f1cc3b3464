"""Completion by the shell, and hints where a word is not known: only the command that is named is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pipelines.commands.command_line import COMMANDS, completed_words, main

PROGRAM = [sys.executable, "-m", "pipelines.commands.command_line"]


def run(*arguments, **variables):
    return subprocess.run(
        [*PROGRAM, *arguments], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


def asked(line, shell="complete_bash"):
    """Give the variables in which a shell asks."""
    words = line.split(" ")
    of_bash = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    of_others = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    return {"_DESPARK_COMPLETE": shell, **of_bash, **of_others}


@pytest.fixture
def completed(monkeypatch, capfd):
    """Ask in this process: to start one takes longer than all that it then does."""
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def answer(*line):
        for name, value in asked(*line).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit):
            main([])
        answered = capfd.readouterr()
        assert answered.err == ""
        return answered.out.split()

    return answer


def test_commands_are_completed(completed):
    assert run(**asked("despark re")).stdout.split() == completed("despark re") == ["replay"]
    assert completed("despark ") == list(COMMANDS)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("despark replay --pi", ["--pipeline"]),
        ("despark models --pro", ["--provider"]),
        ("despark stream --format ", ["gadgetron", "mrd2"]),
        ("despark demo --see", ["--seed"]),
        ("despark nope --see", []),
        ("despark --vers", ["--version"]),
    ],
)
def test_options_of_the_command_that_is_named_are_completed(completed, line, words):
    assert completed(line) == words


@pytest.mark.parametrize("shell", ["complete_zsh", "complete_fish"])
def test_other_shells_are_answered_too(completed, shell):
    assert any("--pipeline" in word for word in completed("despark replay --pi", shell))


def test_only_the_command_that_is_named_is_imported():
    code = (
        "import os, sys; from pipelines.commands import command_line; "
        "os.environ.update(_DESPARK_COMPLETE='complete_bash', COMP_WORDS='despark models --p', COMP_CWORD='2')\n"
        "try: command_line.main([])\n"
        "except SystemExit: pass\n"
        "names = [command.module for command in command_line.COMMANDS.values()]\n"
        "print([name for name in names if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "['pipelines.commands.models']"


def test_the_words_come_from_either_variable():
    assert completed_words({"COMP_WORDS": "despark replay --pi"}) == ["replay", "--pi"]
    assert completed_words({"_TYPER_COMPLETE_ARGS": "despark replay"}) == ["replay"]
    assert completed_words({}) == []


def test_the_script_for_the_shell_is_shown_and_installed(tmp_path):
    # Typer asks the operating system which shell it was started from, unless it is told.
    variables = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(tmp_path)}
    shown = run("--show-completion", "bash", **variables)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "_DESPARK_COMPLETE=complete_bash" in shown.stdout
    assert run("--install-completion", "bash", **variables).returncode == 0
    assert "_DESPARK_COMPLETE=complete_bash" in (tmp_path / ".bash_completions" / "despark.sh").read_text()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["rpelay"], "no command 'rpelay', did you mean 'replay'?"),
        (["Models"], "no command 'Models', did you mean 'models'?"),
        (["zzz"], "no command 'zzz'\n"),
        (["replay", "--pipelin", "x"], "--pipeline"),
    ],
)
def test_a_word_that_is_not_known_says_which_one_was_meant(capfd, monkeypatch, typed, said):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        main(typed)
    answered = capfd.readouterr()
    assert (ended.value.code, answered.out) == (2, "")
    assert said in answered.err
    assert len(answered.err.splitlines()) <= 5
