"""A whole number in a text from outside."""

from __future__ import annotations

MOST_DIGITS = 9
"""Larger numbers count nothing of a scan; some thousands of digits Python refuses to read."""


def whole_number(text: str) -> int | None:
    """Read a whole number, 0 or above; None where the text is none, or a larger one than any that is meant."""
    # isdigit() takes raised digits for some, which int() does not.
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None
