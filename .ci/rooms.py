"""Is the house easy to enter? No room with too many modules, and nobody reaches past a room's door.

``python .ci/rooms.py`` prints how many Python modules each folder shows. It exits with 1 if one shows more than
sixteen, or if a module of ``gadgets`` or ``pipelines`` imports from inside of another room instead of from the room.
Circles of imports are import-linter's to find.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

MOST = 16
CODE = ("gadgets", "pipelines")


def main() -> int:
    """Print the counts and every fault."""
    root = Path(__file__).parent.parent
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    files = [Path(line) for line in sorted(set(listed.stdout.splitlines())) if (root / line).exists()]
    counts = Counter(file.parent for file in files if file.name != "__init__.py")
    for folder, count in sorted(counts.items()):
        sys.stdout.write(f"{count:3}  {folder}\n")
    faults = [
        f"{folder}: expected at most {MOST} modules, found {count}" for folder, count in counts.items() if count > MOST
    ]
    faults += [fault for file in files if file.parts[0] in CODE for fault in reached_past(root, file)]
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    return bool(faults)


def reached_past(root: Path, file: Path) -> list[str]:
    """List the imports of a module that go past the door of another room."""
    faults = []
    for node in ast.walk(ast.parse((root / file).read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        package, *inside = node.module.split(".")
        if package in CODE and len(inside) > 1 and (package, inside[0]) != file.parts[:2] and inside[0] != "commands":
            faults.append(f"{file}:{node.lineno}: expected an import from {package}.{inside[0]}, found {node.module}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
