"""Sentences on a terminal."""

from __future__ import annotations

import textwrap


def wrapped(text: str, width: int) -> str:
    """Break lines at words; one that is longer than a line, as the name of a file, stays whole to be copied."""
    # A terminal may say that it has no columns, as COLUMNS=0 does.
    width = max(width, 1)
    lines = (textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) for line in text.splitlines())
    return "\n".join(lines)
