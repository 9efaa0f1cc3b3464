"""The same page as a picture or for a printer: drawn, two sheets of A4 for each scan."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gadgets.findings import shortened
from pipelines.files import whole_or_nothing
from pipelines.inspection.charts import OBVIOUS, receiver_counts, times_of
from pipelines.inspection.inspection import Inspection
from pipelines.inspection.pictures import KSpacePictures, scaled_kspace
from pipelines.inspection.words import Words, in_words
from pipelines.replay import ScanReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# In inches, as matplotlib counts.
A4 = (8.27, 11.69)
INK, SOFT, GOOD, WARN, BAD, ACCENT = "#1b2530", "#5b6875", "#1a7f4b", "#b25e00", "#b3261e", "#1f5fa8"
COLOURS = {"": GOOD, "warn": WARN, "bad": BAD}
MOST_PICTURES = 4
ROW = 0.16
"""Height of a row of pictures."""
WIDTHS = (0.08, 0.06, 0.09, 0.17, 0.27, 0.08, 0.07, 0.06, 0.12)
WIDEST_PLACE = 0.22
CHARACTER = 0.0082
"""Width of one in the table, as a part of it."""
ROW_OF_TABLE = 0.014
CHARACTERS, SMALL_CHARACTERS = 100, 150
"""Of a line of text."""


def write_pdf(path: Path, inspections: Sequence[Inspection]) -> None:
    """Write a PDF file; raises RawDataError where it cannot be written."""
    from matplotlib.backends.backend_pdf import PdfPages

    content = io.BytesIO()
    # Closed where all went well alone: half a document cannot be, and would hide what has ended it, as Ctrl-C does.
    document = PdfPages(content)
    for inspection in inspections:
        for figure in _sheets(inspection):
            document.savefig(figure)  # type: ignore[no-untyped-call]
    document.close()  # type: ignore[no-untyped-call]
    with whole_or_nothing(path) as temporary:
        temporary.write_bytes(content.getvalue())


def write_png(path: Path, inspections: Sequence[Inspection]) -> None:
    """Write a PNG file, the sheets below one another; raises RawDataError where it cannot be written."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.image import imsave

    sheets = []
    for inspection in inspections:
        for figure in _sheets(inspection):
            canvas = FigureCanvasAgg(figure)
            canvas.draw()  # type: ignore[no-untyped-call]
            sheets.append(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[no-untyped-call]
    with whole_or_nothing(path) as temporary:
        imsave(temporary, np.concatenate(sheets), format="png")


def _sheets(inspection: Inspection) -> Iterator[Figure]:
    # It takes a third of a second to import, and other commands need none of it.
    from matplotlib.figure import Figure

    words = in_words(inspection.report)
    first = Figure(figsize=A4, dpi=110)
    top = _draw_charts(first, inspection, _write_words(first, words))
    _draw_table(first, words, top)
    yield first
    second = Figure(figsize=A4, dpi=110)
    pictures = inspection.pictures[:MOST_PICTURES]
    _draw_pictures(second, pictures, inspection.report, 0.97)
    _write_rest(second, words, 0.96 - ROW * len(pictures))
    yield second


def _write_words(figure: Figure, words: Words) -> float:
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


def _draw_charts(figure: Figure, inspection: Inspection, top: float) -> float:
    """Draw when and where the sparks came; give the height that is left."""
    report = inspection.report
    if not report.sparks:
        return top
    axes = figure.add_axes((0.1, top - 0.17, 0.83, 0.14))
    times, last, unit = times_of(report)
    for spark, time in zip(report.sparks, times, strict=True):
        colour = ACCENT if spark.is_repaired else BAD
        axes.plot([time, time], [0, spark.strength], color=colour, linewidth=1)
        axes.plot([time], [spark.strength], "o", color=colour, markersize=3)
    tallest = max(spark.strength for spark in report.sparks)
    axes.set(xlim=(0, last or 1), ylim=(0, 1.05 * max(tallest, OBVIOUS)))
    _label(axes, f"When: time since the start of the scan ({unit})", "ripple over image noise")
    rows = receiver_counts(report)
    height = min(0.013 * len(rows) + 0.02, top - 0.33)
    bars = figure.add_axes((0.25, top - 0.24 - height, 0.68, height))
    bars.barh(range(len(rows)), [count for _, _, count in rows], color=ACCENT)
    bars.set_yticks(range(len(rows)), [f"{number} {name}" for number, name, _ in rows], fontsize=7, parse_math=False)
    bars.invert_yaxis()
    _label(bars, "In which receivers: sparks that hit each", "")
    return top - 0.24 - height - 0.05


def _label(axes: Axes, title: str, left: str) -> None:
    axes.set_title(title, fontsize=9, color=INK, loc="left")
    axes.set_ylabel(left, fontsize=7, color=SOFT)
    axes.tick_params(labelsize=7, colors=SOFT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_pictures(
    figure: Figure | SubFigure, pictures: Sequence[KSpacePictures], report: ScanReport, top: float
) -> None:
    for number, each in enumerate(pictures):
        panels = _panels(each, report.place_of(each.indices))
        for column, (title, values, white, colours) in enumerate(panels):
            axes = figure.add_axes((0.07 + 0.22 * column, top - ROW * (number + 1), 0.2, 0.135))
            axes.imshow(values, cmap=colours, vmin=0, vmax=white, interpolation="nearest")
            axes.set_title(title, fontsize=7, color=SOFT)
            axes.axis("off")
            if colours == "magma":
                axes.set_aspect("auto")
                places = [spark for spark in each.sparks if spark.partition == each.partition]
                middles = [spark.samples[len(spark.samples) // 2] for spark in places]
                lines = [spark.line for spark in places]
                axes.scatter(middles, lines, s=25, facecolors="none", edgecolors="#3ddc84", linewidths=0.8)


def _panels(pictures: KSpacePictures, named: str) -> list[tuple[str, np.ndarray, float, str]]:
    """Give title, values, white and colours of the pictures of one k-space."""
    panels: list[tuple[str, np.ndarray, float, str]] = []
    if pictures.before is not None and pictures.after is not None:
        white = pictures.white or 1.0
        panels.append(("before" if pictures.sparks else "image", pictures.before, white, "gray"))
        if pictures.sparks:
            difference = np.abs(pictures.before - pictures.after)
            panels.append(("after", pictures.after, white, "gray"))
            panels.append((f"difference × {pictures.gain:g}", difference, white / pictures.gain, "gray"))
    return [*panels, (f"k-space of {named}", scaled_kspace(pictures.kspace), 1.0, "magma")]


def _draw_table(figure: Figure, words: Words, top: float) -> None:
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


def _write_rest(figure: Figure, words: Words, top: float) -> None:
    """Write the paragraphs."""
    lines: list[tuple[str, int, str, str]] = []
    for title, paragraphs in words.sections:
        if paragraphs:
            lines.append((title, 8, INK, "bold"))
            lines += [(line, 7, SOFT, "normal") for each in paragraphs for line in textwrap.wrap(each, 135)]
    made = "; ".join(f"{name}: {value}" for name, value in words.made)
    lines += [(line, 6, SOFT, "normal") for line in textwrap.wrap(made, SMALL_CHARACTERS)]
    _write(figure, lines, top)
