"""One HTML page about one or several scans: all in one file, without a network, for the screen and for paper."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path

import numpy as np

from pipelines.files import whole_or_nothing
from pipelines.inspection.charts import receiver_bars, time_line
from pipelines.inspection.inspection import Inspection
from pipelines.inspection.pictures import KSpacePictures
from pipelines.inspection.rendering import gray_png, kspace_png, marks_svg
from pipelines.inspection.words import Words, in_words
from pipelines.replay import ScanReport

MORE = ' class="more"'
MOST_ROWS, ROWS_ON_PAPER, ROWS_OF_PICTURES_ON_PAPER, LINES_ON_PAPER = 200, 8, 2, 3


def write_html(path: Path, inspections: Sequence[Inspection]) -> None:
    """Write the page into a file; raises RawDataError where it cannot be written."""
    with whole_or_nothing(path) as temporary:
        temporary.write_text(html_page(inspections), encoding="utf-8")


def html_page(inspections: Sequence[Inspection]) -> str:
    """Write the page of some scans.

    Parameters
    ----------
    inspections
        One or more; of several, a table stands first.
    """
    title = Path(inspections[0].report.input).name if len(inspections) == 1 else f"{len(inspections)} files"
    style = resources.files("pipelines.inspection").joinpath("page.css").read_text(encoding="utf-8")
    body = _overview(inspections) if len(inspections) > 1 else ""
    body += "".join(_scan(number, each, len(inspections)) for number, each in enumerate(inspections))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>despark: {escape(title)}</title><style>{style}</style></head>\n<body>{body}{_footer()}</body></html>\n"
    )


def _overview(inspections: Sequence[Inspection]) -> str:
    rows = "".join(
        f'<tr><td><a href="#scan{number}">{escape(Path(each.report.input).name)}</a></td>'
        f"<td>{escape(each.report.verdict)}</td></tr>"
        for number, each in enumerate(inspections)
    )
    n_hit = sum(bool(each.report.totals.sparks) for each in inspections)
    return (
        f"<h1>Sparks in {n_hit} of {len(inspections)} files</h1>"
        f'<div class="scroll"><table><tr><th>file</th><th>verdict</th></tr>{rows}</table></div>'
    )


def _scan(number: int, inspection: Inspection, n_scans: int) -> str:
    words = in_words(inspection.report)
    sections = [
        _head(number, words, n_scans),
        _advice(words),
        _facts(words.facts),
        _when_and_where(inspection.report) if inspection.report.sparks else "",
        _pictures(inspection),
        _sparks(words),
        *(_paragraphs(title, lines) for title, lines in words.sections),
        _definitions("How this page was made", words.made),
    ]
    return f"<article>{''.join(sections)}</article>"


def _head(number: int, words: Words, n_scans: int) -> str:
    level = "h1" if n_scans == 1 else "h2"
    note = f"<p>{escape(words.note)}</p>" if words.note else ""
    return (
        f'<header id="scan{number}"><p class="eyebrow">{escape(words.subject)}</p>'
        f'<span class="status {words.severity}">{escape(words.status)}</span>'
        f"<{level}>{escape(words.verdict)}</{level}>{note}</header>"
    )


def _advice(words: Words) -> str:
    lines = "".join(f"<p>{escape(line)}</p>" for line in words.advice)
    return f'<div class="advice"><p class="eyebrow">For the service engineer</p>{lines}</div>' if lines else ""


def _facts(facts: Sequence[tuple[str, str, str]]) -> str:
    entries = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)} <small>{escape(more)}</small></dd></div>"
        for name, value, more in facts
    )
    return f'<dl class="facts">{entries}</dl>'


def _when_and_where(report: ScanReport) -> str:
    return (
        "<h2>When</h2><p class='note'>Each stem is a spark; its height is its ripple in the image, in units of the "
        f"image noise. From 1 on (dashed) it is obvious. Red: {'cannot be' if report.is_look else 'not'} repaired.</p>"
        f"{time_line(report)}"
        "<h2>In which receivers</h2><p class='note'>Sparks that hit each receiver, numbered from 0 as in the data.</p>"
        f"{receiver_bars(report)}"
    )


def _pictures(inspection: Inspection) -> str:
    pictures, place_of = inspection.pictures, inspection.report.place_of
    rows = [_row_of_pictures(number, each, place_of(each.indices)) for number, each in enumerate(pictures)]
    if not rows:
        return ""
    has_sparks = any(each.sparks for each in pictures)
    what = "the slices with the strongest sparks" if has_sparks else "the first slice, as it was recorded"
    return f'<section><h2>Images</h2><p class="note">Shown: {what}.</p>{"".join(rows)}</section>'


def _row_of_pictures(number: int, pictures: KSpacePictures, named: str) -> str:
    figures = []
    if pictures.before is not None and pictures.after is not None:
        figures.append(_figure("before" if pictures.sparks else "image", gray_png(pictures.before, pictures.white)))
        if pictures.sparks:
            # Between magnitudes, which is what a reader sees; a change of phase alone is none for him.
            difference = np.abs(pictures.before - pictures.after) * pictures.gain
            figures.append(_figure("after", gray_png(pictures.after, pictures.white)))
            figures.append(_figure(f"difference × {pictures.gain:g}", gray_png(difference, pictures.white)))
    marks = marks_svg(pictures)
    figures.append(
        f'<figure><div class="frame kspace">{_img(kspace_png(pictures.kspace))}{marks}</div>'
        f"<figcaption>k-space{', sparks marked' if pictures.sparks else ''}</figcaption></figure>"
    )
    kind = "row" if number < ROWS_OF_PICTURES_ON_PAPER else "row more"
    return f'<div class="{kind}"><h3>{escape(named)}</h3><div class="pictures">{"".join(figures)}</div></div>'


def _figure(caption: str, png: bytes) -> str:
    return f'<figure><div class="frame">{_img(png)}</div><figcaption>{escape(caption)}</figcaption></figure>'


def _img(png: bytes) -> str:
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}">'


def _sparks(words: Words) -> str:
    if not words.rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in words.columns)
    # Paper has room for the strongest alone.
    strongest = set(sorted(range(len(words.rows)), key=lambda number: -words.strengths[number])[:ROWS_ON_PAPER])
    rows = [
        f"<tr{MORE * (number not in strongest)}>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for number, row in enumerate(words.rows[:MOST_ROWS])
    ]
    left_out = len(words.rows) - MOST_ROWS
    note = f"<p class='note'>{left_out} more stand in the JSON report.</p>" if left_out > 0 else ""
    legend = f'<p class="note">{escape(words.legend)}</p>'
    return f'<h2>Sparks</h2>{legend}<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>{note}'


def _paragraphs(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    told = (f"<p{MORE * (number >= LINES_ON_PAPER)}>{escape(line)}</p>" for number, line in enumerate(lines))
    return f"<h2>{escape(title)}</h2>{''.join(told)}"


def _definitions(title: str, entries: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td><code>{escape(value)}</code></td></tr>" for name, value in entries)
    return f'<h2>{escape(title)}</h2><div class="scroll"><table class="made">{rows}</table></div>'


def _footer() -> str:
    return "<footer>Made by despark. Research software, not a medical device: not for diagnosis or treatment.</footer>"
