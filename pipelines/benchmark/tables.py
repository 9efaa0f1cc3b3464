"""The result of a benchmark as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from gadgets.findings import counted
from pipelines.benchmark.score import GROUPS, Grouping
from pipelines.benchmark.totals import SELECTIONS, FileScore, Proportion, Total

GROUPING_TITLES: dict[Grouping, str] = {
    "ring": "found, by radius",
    "strength": "found, by strength",
    "receivers": "found, by receivers",
    "hit": "found, by receivers hit",
}

HEADINGS = ("k-spaces", "sparks", "found %", "(95 %)", "harmed", "mean error left", "worst", "ms each")
NARROW_HEADINGS = ("k-\nspaces", "sparks", "found %\n(95 %)", "harmed", "mean\nerror\nleft", "worst", "ms\neach")
NAME_WIDTH = 13
WIDE = 110
"""Columns that all figures of a file need side by side."""


def file_table(scores: Sequence[FileScore], width: int = WIDE) -> Table:
    """One row per file and rival; harm in brackets where a file holds real interference and does not count.

    In less than the usual width, the two stand one above the other, and so do the share found and its interval.
    """
    is_wide = width >= WIDE
    # Without lines there is room for the names.
    table = Table(title="Per file", title_justify="left", box=box.HEAVY_HEAD)
    if not is_wide:
        table.box, table.padding, table.pad_edge = box.SIMPLE_HEAD, (0, 1, 0, 0), False
    for name in ("file", "rival") if is_wide else ("file, rival",):
        table.add_column(name, overflow="fold", min_width=NAME_WIDTH)
    for name in HEADINGS if is_wide else NARROW_HEADINGS:
        table.add_column(name, justify="right", no_wrap=True)
    # Files that do not count stand at the end, where they disturb no comparison.
    for score in sorted(scores, key=lambda score: (not score.counts_as_clean, score.file)):
        n_sparks, share, bounds = _found(score)
        names = [score.file, score.rival]
        cells = [share, bounds]
        joined = (names, cells) if is_wide else (["\n".join(names)], ["\n".join(cells)])
        table.add_row(*joined[0], str(score.n_kspaces), n_sparks, *joined[1], *_damage(score))
    return table


def _found(score: FileScore) -> tuple[str, str, str]:
    share = f"{100 * score.found.share:.1f}" if score.found.trials else "-"
    return str(score.found.trials), share, interval(score.found)


def _damage(score: FileScore) -> tuple[str, str, str, str]:
    errors = score.errors_left
    # In brackets where a file holds interference of its own, which may rightly be changed.
    harmed = str(score.harmed) if score.counts_as_clean else f"({score.harmed})"
    mean, worst = (f"{sum(errors) / len(errors):.3f}", f"{max(errors):.3f}") if errors else ("-", "-")
    return harmed, mean, worst, f"{1e3 * score.seconds_per_kspace:.1f}"


def total_table(totals: Sequence[Total]) -> Table:
    """One column per rival, over all files that count as clean."""
    table = Table(title="All clean files", title_justify="left")
    table.add_column("", no_wrap=True)
    for result in totals:
        table.add_column(result.rival, justify="right")
    table.add_row("found", *(f"{percentage(result.found)} {interval(result.found)}" for result in totals))
    for grouping, title in GROUPING_TITLES.items():
        table.add_section()
        table.add_row(title)
        for name in GROUPS[grouping]:
            _add_shares(table, name, [result.by_group[grouping][name] for result in totals])
    table.add_section()
    table.add_row("found, others")
    for name in SELECTIONS:
        _add_shares(table, name, [result.selected[name] for result in totals])
    table.add_section()
    table.add_row("harmed samples", *(f"{each.harmed} in {counted(each.n_kspaces, 'k-space')}" for each in totals))
    table.add_row("harmed per clean k-space", *(f"{result.harm_per_kspace:.2f}" for result in totals))
    table.add_row("clean files untouched", *(f"{r.untouched.count} of {r.untouched.trials}" for r in totals))
    table.add_row("error left, median of runs", *(f"{result.median_error_left:.3f}" for result in totals))
    table.add_row("error left, worst", *(f"{result.worst_error_left:.3f}" for result in totals))
    table.add_row("ms per k-space", *(f"{1e3 * result.seconds_per_kspace:.1f}" for result in totals))
    return table


def _add_shares(table: Table, name: str, shares: Sequence[Proportion]) -> None:
    """Add a row of what was found of some sparks, unless there were none."""
    if any(share.trials for share in shares):
        found = (f"{percentage(share)} {interval(share)}" for share in shares)
        table.add_row(f"  {name.replace('rnr', 'ripple')}", *found)


def percentage(proportion: Proportion) -> str:
    """Write a share with the counts behind it."""
    if not proportion.trials:
        return "-"
    return f"{100 * proportion.share:.1f} % ({proportion.count}/{proportion.trials})"


def interval(proportion: Proportion) -> str:
    """Write the interval of a share."""
    if not proportion.trials:
        return "-"
    low, high = proportion.interval
    return f"{100 * low:.0f}-{100 * high:.0f}"
