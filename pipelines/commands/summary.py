"""What a person reads at the end of a scan."""

from __future__ import annotations

from collections import Counter

from rich.table import Table
from rich.text import Text

from pipelines.replay import ScanReport

MAX_REASONS = 3


def summary_table(report: ScanReport) -> Table:
    """Draw up the result of a scan as a table of two columns."""
    totals = report.totals
    table = Table(title=f"{report.pipeline}: {report.input}", show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    if not report.k_spaces:
        return _unreported(table, report)
    rows = {
        "k-spaces": str(totals.k_spaces),
        "image check": _checked(report),
        "target patches": f"{totals.target_patches} of {totals.patches} patches",
        "abnormal points": f"{totals.points}, {totals.repaired} repaired, {totals.refused} refused",
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


def _unreported(table: Table, report: ScanReport) -> Table:
    """Say what is known of a scan without a reported k-space."""
    table.add_row(
        "found and repaired", "not known: no imaging data, or a server elsewhere that sends data back unreported"
    )
    table.add_row("time in all", f"{report.seconds:.2f} s")
    table.add_row("came back", ", ".join(f"{kind}: {count}" for kind, count in report.returned.items() if count))
    table.add_row("written to", report.output)
    return table


def _checked(report: ScanReport) -> str:
    """Say how likely the images that were checked first show artifacts."""
    chances = sorted(each.image_probability for each in report.k_spaces if each.image_probability is not None)
    if not chances:
        return ""
    return f"{len(chances)} images, artifacts with a probability of {chances[0]:.2f} to {chances[-1]:.2f}"


def _reasons(report: ScanReport) -> str:
    reasons = Counter(point.refusal for kspace in report.k_spaces for point in kspace.refusals)
    return "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(MAX_REASONS))


def _warnings(report: ScanReport) -> str:
    warnings = Counter(warning for kspace in report.k_spaces for warning in kspace.warnings)
    more = len(warnings) - MAX_REASONS
    lines = [f"{warning} ({count} k-spaces)" for warning, count in warnings.most_common(MAX_REASONS)]
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
