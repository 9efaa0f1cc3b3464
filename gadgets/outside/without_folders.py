"""Names of files without their folders, for logs and what others are told: folders may be called after patients."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from gadgets.outside.printable import printable

INSTEAD = "…"


def without_folders(text: str, files: Iterable[Path]) -> str:
    """Name files in a text by their names alone, and no folder that they lie in.

    Parameters
    ----------
    text
        The reason of a failure, for example.
    files
        That it may name, or whose folders.
    """
    # A file in the working directory or in the root is named without a folder.
    for folder in {file.parent for file in files} - {Path(), Path("/")}:
        for shown in _ways_to_show(str(folder)):
            # A relative one may be an ordinary word: in the middle of another word it is none of ours.
            found = re.compile(rf"(?<![\w/-]){re.escape(shown)}(/|(?![\w-]|\.\w))")
            text = found.sub(lambda match: "" if match[1] else INSTEAD, text)
    return text


def _ways_to_show(folder: str) -> list[str]:
    """Give what a folder looks like in errors of ours, in those of Python, and on standard error; the longest first."""
    ways = {folder, printable(folder), repr(folder)[1:-1], folder.encode(errors="backslashreplace").decode()}
    return sorted(ways, key=len, reverse=True)
