"""The same page as a picture or for a printer: drawn, two sheets of A4 for each scan."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.files import whole_or_nothing
from pipelines.inspection.charts import OBVIOUS, receiver_counts, times_of
from pipelines.inspection.inspection import Inspection
from pipelines.inspection.paper_text import A4, ACCENT, BAD, INK, SOFT, draw_table, write_rest, write_words
from pipelines.inspection.pictures import KSpacePictures, scaled_kspace
from pipelines.inspection.words import in_words
from pipelines.replay import ScanReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MOST_PICTURES = 4
ROW = 0.16
"""Height of a row of pictures."""


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
    top = _draw_charts(first, inspection, write_words(first, words))
    draw_table(first, words, top)
    yield first
    second = Figure(figsize=A4, dpi=110)
    pictures = inspection.pictures[:MOST_PICTURES]
    _draw_pictures(second, pictures, inspection.report, 0.97)
    write_rest(second, words, 0.96 - ROW * len(pictures))
    yield second


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
