"""The help: one voice for all commands, an example that can be typed, and nothing beyond 80 columns."""

from __future__ import annotations

import importlib
import inspect
import re
import shlex

import pytest
from typer.testing import CliRunner

from pipelines.commands.command_line import COMMANDS, build_app

EVERYWHERE = {"--verbose", "-v", "--quiet", "-q", "--help", "-h"}
WITHOUT_JSON = {"serve", "worker", "stream", "console"}


def help_of(name):
    result = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": ""}).invoke(build_app(name), [name, "--help"])
    assert result.exit_code == 0
    return result.output


def documentation(name):
    command = COMMANDS[name]
    return inspect.getdoc(getattr(importlib.import_module(command.module), command.function))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_begins_with_its_line_in_the_list(name):
    assert documentation(name).splitlines()[0] == COMMANDS[name].help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_stands_in_one_line_and_has_options_that_exist(name):
    shown = help_of(name)
    (example,) = re.findall(r"^ *Example: (.*)$", shown, re.MULTILINE)
    words = shlex.split(example)
    typed = words[words.index("despark") + 1 :]
    assert typed[0] == name
    options = [word for word in typed if re.fullmatch(r"--?[a-z-]+", word)]
    assert all(re.search(rf"(^|[ ,]){option}[ ,]", shown, re.MULTILINE) for option in options)
    assert documentation(name).endswith(f"Example: {example}")


@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_is_wider_than_a_terminal(name):
    assert max(map(len, help_of(name).splitlines())) <= 80


def test_the_list_of_commands_fits_too():
    result = CliRunner(env={"COLUMNS": "80"}).invoke(build_app(None), ["--help"])
    assert max(map(len, result.output.splitlines())) <= 80
    for name, command in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(command.help)}$", result.output, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_same_options_to_say_more_or_less(name):
    words = set(re.findall(r"(?<![\w-])--?[a-z]+\b", help_of(name)))
    assert words >= EVERYWHERE
    assert ("--json" in words) is (name not in WITHOUT_JSON)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_sentence(name):
    options = help_of(name).partition("Options:\n")[2]
    entries = re.split(r"\n  (?=-)", options)
    assert all("." in entry for entry in entries), entries
