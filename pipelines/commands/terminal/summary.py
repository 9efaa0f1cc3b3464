"""Tables that a command prints at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from gadgets.findings import Spark, by_kind, image_errors, named_receivers
from gadgets.indices import Indices
from pipelines.benchmark import Grouping, amount, by_group, counted
from pipelines.phantom import Comparison
from pipelines.replay import ScanReport

MAX_REASONS = 3
MOST_SPARKS = 12
MOST_RECEIVERS = 2
RECEIVERS_WIDTH = 26

UNREPORTED = "Not known what was found: no imaging data, or a server elsewhere that sends data back unreported."
RADIUS_AND_STRENGTH = "r: distance from the centre, 1 is the border; rnr: ripple in the image over its noise"
GROUPINGS: tuple[Grouping, ...] = ("ring", "strength")


def summary_of(report: ScanReport, verbose: int = 0) -> list[RenderableType]:
    """Draw up the result of a scan: the verdict, the sparks, and what else there is to know.

    Parameters
    ----------
    report
        Of the scan.
    verbose
        From 1 on the inner terms of the method are told as well.
    """
    known = Text(report.verdict if report.k_spaces else UNREPORTED, style="bold")
    parts: list[RenderableType] = [known, *(Text(pattern.advice) for pattern in report.patterns)]
    if report.sparks:
        parts += ["", spark_table(report)]
    return [*parts, "", details_table(report, verbose)]


def spark_table(report: ScanReport) -> Table:
    """Show the strongest sparks, in the order of the scan; 80 columns hold it."""
    strongest = sorted(report.sparks, key=lambda spark: -spark.strength)[:MOST_SPARKS]
    shown = [spark for spark in report.sparks if spark in strongest]
    left_out = len(report.sparks) - len(shown)
    caption = f"the {len(shown)} strongest; {left_out} more stand in the report" if left_out else None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, caption=caption, caption_justify="left")
    table.add_column("where")
    for name in ("line", "sample", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("receivers hit", max_width=RECEIVERS_WIDTH, overflow="ellipsis")
    table.add_column("x noise", justify="right", no_wrap=True)
    table.add_column("repaired", no_wrap=True)
    for spark in shown:
        table.add_row(
            place_of(spark.indices),
            str(spark.line) if not spark.partition else f"{spark.partition}/{spark.line}",
            _ranges(spark.samples),
            time_of(spark, report),
            Text(_receivers(spark, report.scan.coils)),
            f"{spark.strength:.2g}" if spark.strength else "?",
            "yes" if spark.is_repaired else ("in part" if spark.methods else "no"),
        )
    return table


def details_table(report: ScanReport, verbose: int = 0) -> Table:
    """Say what else there is to know of a scan, as a table of two columns."""
    totals = report.totals
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    inner = {
        "image check": _checked(report),
        "target patches": f"{totals.target_patches} of {totals.patches} patches",
        "receivers repaired": _ranges(totals.receivers_repaired) or "none",
    }
    reported = {
        "k-spaces": str(totals.k_spaces),
        "abnormal points": _points(report),
        "refused because": _reasons(report),
        "receivers hit": _ranges(totals.receivers) or "none",
        "image error": error_of(report.sparks),
        **(inner if verbose else {}),
        "provider": ", ".join(totals.providers) or "none (nothing was judged by a model)",
        "time per stage": ", ".join(f"{name} {seconds:.2f} s" for name, seconds in totals.seconds.items()),
    }
    rows = {
        "chain": f"{report.pipeline}: {report.input}",
        **(reported if report.k_spaces else {}),
        "time in all": f"{report.seconds:.2f} s",
        "came back": ", ".join(f"{kind}: {count}" for kind, count in report.returned.items() if count),
        "warnings": _warnings(report),
        "written to": report.output,
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, Text(value))
    return table


def place_of(indices: Indices) -> str:
    """Name a k-space by the counters that are not zero; the slice is always told."""
    others = {name: value for name, value in indices.model_dump().items() if value and name != "slice"}
    return ", ".join([f"slice {indices.slice}", *(f"{name} {value}" for name, value in others.items())])


def time_of(spark: Spark, report: ScanReport) -> str:
    """Say when a spark was recorded, since the start of the scan: in seconds, or in ticks where nobody knows more."""
    if spark.seconds is not None:
        return f"{spark.seconds:.2f} s"
    return f"tick {spark.time_stamp - report.moments[0]}" if any(report.moments) else "?"


def error_of(sparks: Sequence[Spark]) -> str:
    """Say what sparks added to the image, before and after the repair, as estimated."""
    if not any(spark.error_before for spark in sparks):
        return ""
    before, after = image_errors(sparks)
    if after is None:
        return f"{before:.2g} times the image noise (estimated)"
    return f"{before:.2g} times the image noise before, {after:.2g} after (estimated)"


def found_table(comparison: Comparison) -> Table:
    """Show how many sparks were found by radius and by strength."""
    table = Table(title="Sparks found and repaired", title_justify="left")
    table.add_column("")
    table.add_column("found", justify="right")
    for grouping in GROUPINGS:
        for name, proportion in by_group(comparison.events, grouping).items():
            if proportion.trials:
                table.add_row(name, counted(proportion))
        table.add_section()
    if comparison.left:
        table.add_row("left of a spark, median", f"{np.median(comparison.left):.2g}")
        table.add_row("left of a spark, most", f"{max(comparison.left):.2g}")
    return table


def harm_table(comparison: Comparison) -> Table:
    """Show how many samples were changed that no spark had hit."""
    table = Table(title="Harm", title_justify="left", show_header=False)
    table.add_row("samples changed beside sparks" if comparison.found else "samples changed", str(comparison.n_beside))
    return table


def found_counts(comparison: Comparison) -> dict[str, Any]:
    """Give the counts of :func:`found_table` for machines: of how many sparks how many were found."""
    counts: dict[str, Any] = {
        grouping: {
            name: {"found": share.count, "of": share.trials}
            for name, share in by_group(comparison.events, grouping).items()
            if share.trials
        }
        for grouping in GROUPINGS
    }
    found = {"found": sum(comparison.found), "of": len(comparison.found)}
    # JSON has no word for what is not a number.
    left = {"left": [share if isfinite(share) else None for share in comparison.left]} if comparison.left else {}
    return {"sparks": found, **counts, **left, "changed_beside_sparks": comparison.n_beside}


def _points(report: ScanReport) -> str:
    """Say what became of the points."""
    totals = report.totals
    if _is_repair_off(report):
        return f"{totals.points}, left as they are (repair is switched off)"
    return f"{totals.points}, {totals.repaired} repaired, {totals.refused} refused"


def _is_repair_off(report: ScanReport) -> bool:
    """Whether the chain was told to repair nothing."""
    names = (("calibration", "method"), ("raw_repair", "calibration.method"))
    return "none" in [report.settings.get(node, {}).get(name) for node, name in names]


def _checked(report: ScanReport) -> str:
    """Say how likely the images that were checked first show artifacts."""
    chances = sorted(each.image_probability for each in report.k_spaces if each.image_probability is not None)
    if not chances:
        return ""
    return f"{amount(len(chances), 'image')}, artifacts with a probability of {chances[0]:.2f} to {chances[-1]:.2f}"


def _reasons(report: ScanReport) -> str:
    if _is_repair_off(report):
        return ""
    reasons = Counter(point.refusal for kspace in report.k_spaces for point in kspace.refusals)
    return "; ".join(f"{reason} ({count})" for reason, count in by_kind(reasons)[:MAX_REASONS])


def _warnings(report: ScanReport) -> str:
    warnings = by_kind(Counter(warning for kspace in report.k_spaces for warning in kspace.warnings))
    more = len(warnings) - MAX_REASONS
    lines = [f"{warning} ({amount(count, 'k-space')})" for warning, count in warnings[:MAX_REASONS]]
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def _receivers(spark: Spark, coils: Sequence[str]) -> str:
    if len(spark.receivers) > MOST_RECEIVERS:
        return f"{len(spark.receivers)}: {_ranges(spark.receivers)}"
    return named_receivers(spark.receivers, coils).partition(" ")[2]


def _ranges(numbers: Iterable[int]) -> str:
    """Write 5, 0, 1, 2 as 0-2, 5."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
