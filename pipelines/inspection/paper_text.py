"""The words on a sheet of paper: the head of the page, the table of sparks, and the paragraphs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gadgets.findings import shortened
from pipelines.inspection.words import Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# In inches, as matplotlib counts.
A4 = (8.27, 11.69)
INK, SOFT, GOOD, WARN, BAD, ACCENT = "#1b2530", "#5b6875", "#1a7f4b", "#b25e00", "#b3261e", "#1f5fa8"
COLOURS = {"": GOOD, "warn": WARN, "bad": BAD}
WIDTHS = (0.08, 0.06, 0.09, 0.17, 0.27, 0.08, 0.07, 0.06, 0.12)
WIDEST_PLACE = 0.22
CHARACTER = 0.0082
"""Width of one in the table, as a part of it."""
ROW_OF_TABLE = 0.014
CHARACTERS, SMALL_CHARACTERS = 100, 150
"""Of a line of text."""


def write_words(figure: Figure, words: Words) -> float:
    """Write what stands at the head of the page; give the height that is left."""
    lines = [(words.subject, 8, SOFT, "normal"), (words.status, 9, COLOURS[words.severity], "bold")]
    lines += [(line, 15, INK, "bold") for line in textwrap.wrap(words.verdict, 62)]
    lines += [
        (line, 9, INK, "normal") for advice in (words.note, *words.advice) for line in textwrap.wrap(advice, CHARACTERS)
    ]
    lines += [(f"{name}: {value} {more}".strip(), 9, SOFT, "normal") for name, value, more in words.facts]
    return _write(figure, lines, 0.97)


def _write(figure: Figure, lines: Sequence[tuple[str, int, str, str]], top: float) -> float:
    for text, size, colour, weight in lines:
        # From points, 72 to an inch, to parts of the page.
        top -= 1.55 * size / 72 / A4[1]
        # A dollar sign is no mathematics here.
        figure.text(0.07, top, text, fontsize=size, color=colour, weight=weight, va="bottom", parse_math=False)
    return top - 0.015


def draw_table(figure: Figure, words: Words, top: float) -> None:
    """Draw the table of the strongest sparks, as many as there is room for."""
    from matplotlib.transforms import Bbox

    n_rows = min(len(words.rows), int((top - 0.09) / ROW_OF_TABLE) - 1)
    if n_rows < 1:
        return
    strongest = sorted(range(len(words.rows)), key=lambda number: -words.strengths[number])[:n_rows]
    chosen = [words.rows[number] for number in sorted(strongest)]
    widths = _widths(chosen)
    rows = [
        [shortened(*cell) for cell in zip(row, (int(each / CHARACTER) for each in widths), strict=True)]
        for row in chosen
    ]
    height = ROW_OF_TABLE * (n_rows + 1)
    axes = figure.add_axes((0.07, top - height, 0.86, height))
    axes.axis("off")
    # Stretched to the axes: rows of their own height would run into what stands below.
    table = axes.table(
        rows, colLabels=words.columns, colWidths=widths, cellLoc="left", colLoc="left", bbox=Bbox.unit(), edges="B"
    )
    table.auto_set_font_size(False)
    table.set_fontsize(6.5)
    told = f"The {n_rows} strongest of {len(words.rows)} sparks. " if n_rows < len(words.rows) else ""
    lines = [(line, 6, SOFT, "normal") for line in textwrap.wrap(told + words.legend, SMALL_CHARACTERS)]
    _write(figure, lines, top - height)


def _widths(rows: Sequence[Sequence[str]]) -> list[float]:
    """Give the widths of the columns: a place of many counters takes its room from the names of the receivers."""
    place, line, samples, time, receivers, *others = WIDTHS
    needed = min(max(place, CHARACTER * (1 + max(len(row[0]) for row in rows))), WIDEST_PLACE)
    return [needed, line, samples, time, receivers - (needed - place), *others]


def write_rest(figure: Figure, words: Words, top: float) -> None:
    """Write the paragraphs."""
    lines: list[tuple[str, int, str, str]] = []
    for title, paragraphs in words.sections:
        if paragraphs:
            lines.append((title, 8, INK, "bold"))
            lines += [(line, 7, SOFT, "normal") for each in paragraphs for line in textwrap.wrap(each, 135)]
    made = "; ".join(f"{name}: {value}" for name, value in words.made)
    lines += [(line, 6, SOFT, "normal") for line in textwrap.wrap(made, SMALL_CHARACTERS)]
    _write(figure, lines, top)
