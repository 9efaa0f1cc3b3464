"""Text from outside, as it may be shown: on a terminal it can do anything, and in a log be taken for others."""

from __future__ import annotations

MOST_SHOWN = 4000
"""Characters. What a message quotes may be as long as a header."""


MOST_QUOTED = 500
"""Characters of one value in a message: longer than the path of a file is as a rule."""


def printable(text: str, keep: str = "", most: int = MOST_SHOWN) -> str:
    """Write what cannot be seen as an escape, as Python does, and shorten what is too long.

    Parameters
    ----------
    text
        Whatever came.
    keep
        Characters that stay although they cannot be seen.
    most
        Characters that are shown.
    """
    shown = text if len(text) <= most else f"{text[:most]} … ({len(text)} characters)"
    if shown.isprintable():
        return shown
    return "".join(
        character if character.isprintable() or character in keep else character.encode("unicode_escape").decode()
        for character in shown
    )


def quoted(value: object) -> str:
    """Write what was found as Python does, in an error message that it must not fill."""
    # As Python writes it: nothing in it can do harm, and where a text begins and ends is seen.
    # An array's has lines, and a message is one.
    shown = repr(value) if isinstance(value, str) else " ".join(repr(value).split())
    return shown if len(shown) <= MOST_QUOTED else f"{shown[:MOST_QUOTED]} … ({len(shown)} characters)"
