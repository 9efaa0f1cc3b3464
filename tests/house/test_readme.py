"""The README names files that exist, settings that the nodes have, and commands that can be called."""

from __future__ import annotations

import re
from typing import Literal, get_args, get_origin

import pytest
from helpers.paths import ROOT

from gadgets.settings.nodes import NODE_SETTINGS
from pipelines.commands.command_line import COMMANDS

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


def settings_of(node: str) -> dict[str, str]:
    """What the README says of each setting of a node: in the node's row, or in a row of its own."""
    in_row = row_of(node).rsplit("|", 2)[1].split("; ")
    written = {match[1]: text for text in in_row if (match := re.match(r"\s*`(\w+)`", text))}
    if node == "spark_detection":
        rows = README.split("| setting of `spark_detection` |", 1)[1].split("\n\n", 1)[0].splitlines()
        written |= {match[1]: row for row in rows if (match := re.match(r"\| `(\w+)` \|", row))}
    return written


@pytest.mark.parametrize("node", SINGLE_NODES)
def test_the_tables_name_every_setting_its_values_and_its_default(node):
    written = settings_of(node)
    for name, field in NODE_SETTINGS[node].model_fields.items():
        if get_origin(field.annotation) is Literal:
            values = [field.default, *(value for value in get_args(field.annotation) if value != field.default)]
            assert ", ".join(values) in written[name]
        elif field.default is not None:
            assert str(field.default).lower() in written[name].lower()


def test_the_joined_node_names_the_stages_it_joins_and_its_own_settings():
    row = row_of("raw_repair")
    assert all(f"`{name}`" in row for name in NODE_SETTINGS["raw_repair"].model_fields)


@pytest.mark.parametrize("node", SINGLE_NODES)
def test_the_tables_name_no_setting_that_is_not_there(node):
    assert set(settings_of(node)) == set(NODE_SETTINGS[node].model_fields)


def test_every_row_of_the_method_points_at_what_does_it_and_at_a_test():
    rows = [line.split("|")[1:-1] for line in README.splitlines() if re.match(r"\| \d+ \|", line)]
    assert [int(row[0]) for row in rows] == list(range(1, 27))
    for _, _, setting, files, tests in rows:
        assert setting.strip()
        assert "](" in files
        assert re.search(r"\]\(tests/(\w+/)+test_\w+\.py\)", tests)
