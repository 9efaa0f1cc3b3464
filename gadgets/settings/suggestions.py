"""Suggests the nearest known name for a misspelt setting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

# Shares of letters in common, as difflib counts them.
MUCH_LIKE, SOMEWHAT_LIKE = 0.9, 0.65
MAX_MEANT = 3
MAX_NAME = 100
"""Nobody means a known name by a longer one, and likeness costs time and memory for every letter."""

MAX_LISTED = 12
"""Longer lists push the message that they belong to out of sight."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Name the known names that are like a name, as the end of a message; nothing where none is.

    Parameters
    ----------
    name
        What was found.
    known
        What could have been. Of names with dots, such as ``spark_detection.threshold``, the last part alone may be
        what somebody has in mind.
    """
    meant = _meant(name, list(known)) if len(name) <= MAX_NAME else []
    return f", did you mean {' or '.join(map(repr, meant))}?" if meant else ""


def meant_or_known(name: str, known: Iterable[str]) -> str:
    """Name what was meant, and all that is known where that is short or nothing is like it.

    Returns
    -------
        The end of a message: ``, did you mean 'a'? (known: a, b)``.
    """
    names = list(known)
    meant = did_you_mean(name, names)
    if meant and len(names) >= MAX_LISTED:
        return meant
    stage = f"{name.rpartition('.')[0]}."
    return f"{meant} (known: {_listed([each.removeprefix(stage) for each in names])})"


def _meant(name: str, names: Sequence[str]) -> list[str]:
    stage, _, own = name.rpartition(".")
    # Where the stage is right it must not count, or all of its properties would be like any other.
    beside = {each.rpartition(".")[2]: each for each in names if stage and each.rpartition(".")[0] == stage}
    # What is much like the name goes before what is only somewhat like it, also where the first is at the end of a
    # name.
    for likeness in (MUCH_LIKE, SOMEWHAT_LIKE):
        if beside:
            found = [beside[each] for each in _alike(own, beside, likeness)]
        else:
            found = _alike(name, names, likeness) or _alike_at_the_end(own, names, likeness)
        if found:
            return found
    return []


def _alike(name: str, names: Iterable[str], likeness: float) -> list[str]:
    # Whoever writes it in other letters means the same.
    folded = {each.casefold(): each for each in names}
    return [folded[each] for each in get_close_matches(name.casefold(), folded, MAX_MEANT, likeness)]


def _alike_at_the_end(own: str, names: Sequence[str], likeness: float) -> list[str]:
    ends = dict.fromkeys(each.rpartition(".")[2] for each in names if "." in each)
    found = _alike(own, ends, likeness)
    return [each for end in found for each in names if each.rpartition(".")[2] == end][:MAX_MEANT]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_LISTED]) or "none"
    left = len(names) - MAX_LISTED
    return f"{shown} and {left} more" if left > 0 else shown
