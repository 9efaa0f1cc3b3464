"""Tables that a command prints at its end."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.table import Table
from rich.text import Text

from pipelines.benchmark import Grouping, amount, by_group, counted
from pipelines.phantom import Comparison
from pipelines.replay import ScanReport

MAX_REASONS = 3
GROUPINGS: tuple[Grouping, ...] = ("ring", "strength")


def summary_table(report: ScanReport) -> Table:
    """Draw up the result of a scan as a table of two columns."""
    totals = report.totals
    table = Table(title=Text(f"{report.pipeline}: {report.input}"), show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    if not report.k_spaces:
        return _unreported(table, report)
    rows = {
        "k-spaces": str(totals.k_spaces),
        "image check": _checked(report),
        "target patches": f"{totals.target_patches} of {totals.patches} patches",
        "abnormal points": _points(report),
        "refused because": _reasons(report),
        "receivers hit": _ranges(totals.receivers) or "none",
        "provider": ", ".join(totals.providers) or "none (nothing was judged by a model)",
        "time per stage": ", ".join(f"{name} {seconds:.2f} s" for name, seconds in totals.seconds.items()),
        "time in all": f"{report.seconds:.2f} s",
        "came back": ", ".join(f"{kind}: {count}" for kind, count in report.returned.items() if count),
        "warnings": _warnings(report),
        "written to": report.output,
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, Text(value))
    return table


def found_table(comparison: Comparison) -> Table:
    """Show how many sparks were found by radius and by strength."""
    table = Table(title="Sparks found and repaired")
    table.add_column("")
    table.add_column("found", justify="right")
    for grouping in GROUPINGS:
        for name, proportion in by_group(comparison.events, grouping).items():
            if proportion.trials:
                table.add_row(name, counted(proportion))
        table.add_section()
    table.add_row("samples changed beside sparks", str(comparison.n_beside))
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
    return {"sparks": found, **counts, "changed_beside_sparks": comparison.n_beside}


def _unreported(table: Table, report: ScanReport) -> Table:
    """Say what is known of a scan without a reported k-space."""
    table.add_row(
        "found and repaired", "not known: no imaging data, or a server elsewhere that sends data back unreported"
    )
    table.add_row("time in all", f"{report.seconds:.2f} s")
    table.add_row("came back", ", ".join(f"{kind}: {count}" for kind, count in report.returned.items() if count))
    table.add_row("written to", report.output)
    return table


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
    return "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(MAX_REASONS))


def _warnings(report: ScanReport) -> str:
    warnings = Counter(warning for kspace in report.k_spaces for warning in kspace.warnings)
    more = len(warnings) - MAX_REASONS
    lines = [f"{warning} ({amount(count, 'k-space')})" for warning, count in warnings.most_common(MAX_REASONS)]
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def _ranges(numbers: tuple[int, ...]) -> str:
    """Write 0, 1, 2, 5 as 0-2, 5."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
