"""Drawings of the page that are no pictures: when the sparks came, and in which receivers. As SVG, by hand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from html import escape

from gadgets.findings import lasting
from pipelines.replay import ScanReport

WIDTH = 720
LEFT, RIGHT = 44, 12
LABEL = 60
"""Width that a label of the time may take."""

OBVIOUS = 1.0
"""Ripple over the image noise that everybody sees."""

MOST_BARS = 24
"""Receivers that are drawn, those that were hit hardest; a scanner may have 128."""


def time_line(report: ScanReport) -> str:
    """Draw the sparks over the time of the scan: a stem for each, as high as it is strong."""
    height, top, bottom = 150, 12, 30
    times, last, unit = times_of(report)
    strongest = max((spark.strength for spark in report.sparks), default=0.0)
    # What nobody sees must not fill the chart, and of zero there is no logarithm.
    # A spark that nobody sees is not to look tall.
    scale, ticks = _scale(max(strongest, OBVIOUS))
    floor = height - bottom
    parts = [_grid(value, floor - (floor - top) * value / scale, f"{value:g}") for value in ticks]
    for spark, time in zip(report.sparks, times, strict=True):
        x = LEFT + (WIDTH - LEFT - RIGHT) * (time / last if last else 0.5)
        # A strength that is not known is drawn half as high: at zero nobody would see it.
        y = floor - (floor - top) * (spark.strength or scale / 2) / scale
        kind = "yes" if spark.is_repaired else "no"
        moment = lasting(time) if unit == "s" else f"tick {time:.0f}"
        told = f"{moment}, line {spark.line}, {spark.strength:.2g} times the noise"
        parts.append(
            f'<g class="{kind}"><title>{escape(told)}</title><line x1="{x:.1f}" x2="{x:.1f}" y1="{floor}" y2="{y:.1f}" '
            f'stroke-width="1.5"/><circle cx="{x:.1f}" cy="{y:.1f}" r="3.2"/></g>'
        )
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>')
    for value in [0.0, *_scale(last)[1]] if last else []:
        x = LEFT + (WIDTH - LEFT - RIGHT) * value / last
        if x <= WIDTH - RIGHT:
            anchor = "end" if x > WIDTH - RIGHT - LABEL / 2 else "middle"
            parts.append(f'<text x="{x:.0f}" y="{height - 12}" text-anchor="{anchor}">{value:g} {unit}</text>')
    return _svg("times", "Sparks over the time of the scan", height, parts)


def times_of(report: ScanReport) -> tuple[list[float], float, str]:
    """Give the time of each spark since the start of the scan, the scan's length, and the unit of both."""
    first, last = report.moments
    length = report.scan.seconds_between(first, last)
    if length is not None and all(spark.seconds is not None for spark in report.sparks):
        return [spark.seconds or 0.0 for spark in report.sparks], length, "s"
    return [float(spark.time_stamp - first) for spark in report.sparks], float(last - first), "ticks"


def receiver_bars(report: ScanReport) -> str:
    """Draw how many sparks hit each receiver."""
    rows = receiver_counts(report)
    most = max((count for _, _, count in rows), default=1) or 1
    names, step, top = 150, 17, 4
    parts = []
    for number, (receiver, name, count) in enumerate(rows):
        y = top + step * number
        length = (WIDTH - names - 40) * count / most
        label = f"{receiver}  {name}" if name else str(receiver)
        parts.append(
            f'<text class="name" x="{names - 8}" y="{y + 12}" text-anchor="end">{escape(label)}</text>'
            f'<rect class="bar" x="{names}" y="{y + 2}" width="{length:.1f}" height="{step - 5}"/>'
            f'<text x="{names + length + 6:.1f}" y="{y + 12}">{count}</text>'
        )
    return _svg("bars", "Sparks in each receiver", top + step * len(rows) + 4, parts)


def receiver_counts(report: ScanReport) -> list[tuple[int, str, int]]:
    """Give number, name and sparks of each receiver; where there are too many, of those that were hit most."""
    counts = Counter(receiver for spark in report.sparks for receiver in spark.receivers)
    chosen: Sequence[int] = range(max(report.n_coils, max(counts, default=-1) + 1))
    if len(chosen) > MOST_BARS:
        # In the order of their numbers again, as on the coil.
        chosen = sorted(receiver for receiver, _ in counts.most_common(MOST_BARS))
    coils = report.scan.coils
    return [(each, coils[each] if each < len(coils) else "", counts[each]) for each in chosen]


def _scale(largest: float) -> tuple[float, list[float]]:
    """Choose the end of an axis and the values that are marked on it."""
    magnitude = 10 ** math.floor(math.log10(largest))
    step = next(step * magnitude for step in (0.2, 0.5, 1, 2, 5) if largest / (step * magnitude) <= 5)
    # A little more, so that what ends at a mark does not touch the end of the axis.
    n_steps = math.ceil(largest / step + 1e-9)
    return n_steps * step, [step * number for number in range(1, n_steps + 1)]


def _grid(value: float, y: float, label: str) -> str:
    kind = ' stroke-dasharray="4 3"' if value == OBVIOUS else ""
    return (
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"{kind}/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    )


def _svg(kind: str, title: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg class="chart {kind}" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
