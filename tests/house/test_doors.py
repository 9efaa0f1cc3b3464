"""The doors of rooms: a table of the files in a room names all of them, and no other."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLES = {
    path.parent: re.findall(r"^``(\w+)``  ", ast.get_docstring(ast.parse(path.read_text())) or "", re.MULTILINE)
    for package in ("gadgets", "pipelines", "onnx_models")
    for path in sorted(ROOT.glob(f"{package}/**/__init__.py"))
}


@pytest.mark.parametrize(
    "room", [room for room, listed in TABLES.items() if listed], ids=lambda room: str(room.relative_to(ROOT))
)
def test_a_room_that_lists_its_files_lists_all_of_them(room):
    there = {path.stem for path in room.glob("[!_]*.py")} | {path.parent.name for path in room.glob("*/__init__.py")}
    assert sorted(TABLES[room]) == sorted(there)
