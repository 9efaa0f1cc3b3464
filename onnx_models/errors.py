"""The root of despark's exception tree, the part that concerns trained models, and how a refused text is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

MOST_COMPLAINTS, MOST_LETTERS = 8, 200
"""Of one text that was refused, and of one complaint: it may quote a name of any length from a file."""


class DesparkError(Exception):
    """Anything that despark itself reports: one line that says what was expected, what was found and where."""


class ModelError(DesparkError):
    """A model is missing, has the wrong hash or the wrong shape, or its manifest entry is not valid."""


class ProviderError(DesparkError):
    """The processor that was asked for (``provider=cuda``) is not the one that an opened session runs on."""


def complaints_of(error: ValidationError, whole: str) -> str:
    """Name the first things that are wrong with a text, in one line.

    Parameters
    ----------
    error
        What reading the text has raised.
    whole
        What is named where the text as a whole is at fault: ``file``, for example.
    """
    items = error.errors(include_url=False, include_context=False, include_input=False)
    said = [f"{'.'.join(map(str, item['loc'])) or whole}: {item['msg']}" for item in items[:MOST_COMPLAINTS]]
    # Not all: whoever wrote thousands reads none of them.
    more = [f"and {len(items) - MOST_COMPLAINTS} more"] if len(items) > MOST_COMPLAINTS else []
    short = [each if len(each) <= MOST_LETTERS else f"{each[:MOST_LETTERS]} …" for each in said]
    return "; ".join(" ".join(each.split()) for each in short + more)
