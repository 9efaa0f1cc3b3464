"""Sentences on a terminal."""

from __future__ import annotations

import re
import textwrap

from gadgets.findings import shortened


def wrapped(text: str, width: int, indent: int = 0) -> str:
    """Break lines at words; one that is longer than a line, as the name of a file, stays whole to be copied.

    Parameters
    ----------
    text
        One line or several.
    width
        Columns of the terminal.
    indent
        How far what goes on below stands in from its own beginning.
    """
    # A terminal may say that it has no columns, as COLUMNS=0 does.
    width = max(width, indent + 1)
    return "\n".join(_wrapped_line(line, width, indent) for line in text.splitlines())


def _wrapped_line(line: str, width: int, indent: int) -> str:
    # What is indented already, as an explanation below a line of the log, goes on from there.
    begin = len(line) - len(line.lstrip())
    below = " " * (begin + indent if indent else 0)
    return textwrap.fill(line, width, subsequent_indent=below, break_long_words=False, break_on_hyphens=False)


def with_short_words(text: str, width: int) -> str:
    """Take the middle out of words that fill a line, as names of files may: half a line is kept of each."""
    return re.sub(rf"\S{{{width},}}", lambda word: shortened(word[0], width // 2), text)
