"""The README names files that exist, settings that the nodes have, and commands that can be called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from gadgets.settings import NODE_SETTINGS
from pipelines.command_line import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINKS = sorted(set(re.findall(r"\]\((?!https?://)([^)#]+)", README)))

CALLED = sorted(set(re.findall(r"\bdespark ([a-z]+)", "\n".join(re.findall(r"`+[^`]*`+", README)))))
SINGLE_NODES = sorted(set(NODE_SETTINGS) - {"raw_repair"})


def row_of(node: str) -> str:
    (row,) = [line for line in README.splitlines() if line.startswith(f"| `{node}` |")]
    return row


@pytest.mark.parametrize("link", LINKS)
def test_a_linked_file_exists(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("command", CALLED)
def test_a_command_that_is_called_exists(command):
    assert command in COMMANDS


@pytest.mark.parametrize("node", SINGLE_NODES)
def test_the_table_names_every_setting_its_values_and_its_default(node):
    row = row_of(node)
    for name, field in NODE_SETTINGS[node].model_fields.items():
        assert f"`{name}`" in row
        if get_origin(field.annotation) is Literal:
            values = [field.default, *(value for value in get_args(field.annotation) if value != field.default)]
            assert f"`{name}` = {', '.join(values)}" in row
        elif field.default is not None:
            assert f"`{name}` = {field.default}" in row


def test_the_joined_node_names_the_stages_it_joins_and_its_own_settings():
    row = row_of("raw_repair")
    assert all(f"`{name}`" in row for name in NODE_SETTINGS["raw_repair"].model_fields)


@pytest.mark.parametrize("node", SINGLE_NODES)
def test_the_table_names_no_setting_that_is_not_there(node):
    named = re.findall(r"`(\w+)`", row_of(node).rsplit("|", 2)[1])
    assert set(named) == set(NODE_SETTINGS[node].model_fields)
