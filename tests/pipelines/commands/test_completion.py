"""Completion by the shell, and hints where a word is not known: only the command that is named is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pipelines.commands.command_line import COMMANDS, completed_words

PROGRAM = [sys.executable, "-m", "pipelines.commands.command_line"]


def run(*arguments, **variables):
    return subprocess.run(
        [*PROGRAM, *arguments], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


def completed(line, shell="complete_bash"):
    words = line.split(" ")
    of_bash = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    of_others = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    ended = run(_DESPARK_COMPLETE=shell, **of_bash, **of_others)
    assert ended.stderr == ""
    return ended.stdout.split()


def test_commands_are_completed():
    assert completed("despark re") == ["replay"]
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
def test_options_of_the_command_that_is_named_are_completed(line, words):
    assert completed(line) == words


@pytest.mark.parametrize("shell", ["complete_zsh", "complete_fish"])
def test_other_shells_are_answered_too(shell):
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
def test_a_word_that_is_not_known_says_which_one_was_meant(typed, said):
    ended = run(*typed)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) <= 5
