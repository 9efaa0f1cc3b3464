"""Tables that a command prints at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from gadgets.findings import (
    UNSEEN,
    Spark,
    by_kind,
    counted,
    image_errors,
    lasting,
    ranges_of,
    short_receivers,
    shortened,
)
from pipelines.replay import ScanReport

MAX_REASONS = 3
MOST_SPARKS = 12
# What 80 columns leave for it.
RECEIVERS_WIDTH = 26
COIL_WIDTH = 18

UNREPORTED = (
    "Not known what was found: no imaging data, or a server or worker that sends data back unreported. What it found "
    "stands in its own log, and on its machine in despark log."
)
RIPPLE = f"ripple: stripes in the image over its noise ({UNSEEN:g} unseen, 0.25 faint, 1 obvious)"
NUMBERED = "#3: the receiver number 3, counted from 0 as in the data"
PARTITION = "12/40: line 40 of partition 12; a line alone is one of partition 0"
TICK = "tick: a step of the scanner's clock, of a length that the file does not tell"


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
    parts: list[RenderableType] = [
        known,
        *([Text(report.note)] if report.note else []),
        *(Text(pattern.advice) for pattern in report.patterns),
    ]
    if report.sparks:
        more = [*([PARTITION] if report.has_partitions else []), *([TICK] if report.has_ticks else [])]
        legend = (RIPPLE, NUMBERED, *more)
        parts += ["", spark_table(report), *(Text(line, style="dim") for line in legend)]
    return [*parts, "", details_table(report, verbose)]


def spark_table(report: ScanReport) -> Table:
    """Show the strongest sparks, in the order of the scan; 80 columns hold it."""
    strongest = sorted(report.sparks, key=lambda spark: -spark.strength)[:MOST_SPARKS]
    # In the order of the scan again: a pattern in time is seen in that alone.
    shown = [spark for spark in report.sparks if spark in strongest]
    coils = [shortened(name, COIL_WIDTH) for name in report.scan.coils]
    left_out = len(report.sparks) - len(shown)
    caption = f"the {len(shown)} strongest; {left_out} more stand in the report" if left_out else None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, caption=caption, caption_justify="left")
    table.add_column("where")
    for name in ("line", "sample", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("receivers hit", max_width=RECEIVERS_WIDTH, overflow="ellipsis")
    table.add_column("ripple", justify="right", no_wrap=True)
    table.add_column("repairable" if report.is_look else "repaired", no_wrap=True)
    for spark in shown:
        table.add_row(
            report.place_of(spark.indices),
            str(spark.line) if not spark.partition else f"{spark.partition}/{spark.line}",
            ranges_of(spark.samples),
            time_of(spark, report),
            Text(short_receivers(spark.receivers, report.n_coils, coils)),
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
        "receivers repaired": ranges_of(totals.receivers_repaired) or "none",
    }
    reported = {
        "k-spaces": str(totals.k_spaces),
        "abnormal points": _points(report),
        "not repairable" if report.is_look else "not repaired": _reasons(report),
        "receivers hit": _hit(report),
        "image error": error_of(report.sparks),
        **(inner if verbose else {}),
        "provider": ", ".join(totals.providers) or "none (nothing was judged by a model)",
        "time per stage": _stages(totals.seconds),
    }
    rows = {
        **({"file": report.input} if report.is_look else {"chain": f"{report.pipeline}: {report.input}"}),
        **(reported if report.k_spaces else {}),
        "time in all": lasting(report.seconds),
        "came back": ", ".join(f"{kind}: {count}" for kind, count in report.returned.items() if count),
        "warnings": _warnings(report),
        "written to": report.output,
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, Text(value))
    return table


def time_of(spark: Spark, report: ScanReport) -> str:
    """Say when a spark was recorded, since the start of the scan: in seconds, or in ticks where nobody knows more."""
    if spark.seconds is not None:
        return lasting(spark.seconds)
    return f"tick {spark.time_stamp - report.moments[0]}" if any(report.moments) else "?"


def error_of(sparks: Sequence[Spark]) -> str:
    """Say what sparks added to the image, before and after the repair, as estimated."""
    if not any(spark.error_before for spark in sparks):
        return ""
    before, after = image_errors(sparks)
    if after is None:
        return f"{before:.2g} times the image noise (estimated)"
    return f"{before:.2g} times the image noise before, {after:.2g} after (estimated)"


def _points(report: ScanReport) -> str:
    """Say what became of the points."""
    totals = report.totals
    if not totals.points:
        return "none"
    if _is_repair_off(report):
        return f"{totals.points}, left as they are (repair is switched off)"
    if report.is_look:
        return f"{totals.points}, of which {totals.repaired} can be repaired"
    if not totals.repaired + totals.refused and totals.seconds and "calibration" not in totals.seconds:
        return f"{totals.points}, left as they are (nothing in the chain repairs: it has no calibration)"
    return f"{totals.points}, {totals.repaired} repaired, {totals.refused} refused"


def _stages(seconds: Mapping[str, float]) -> str:
    """Tell the time of each stage, two in a line: 80 columns would tear a number from its unit."""
    told = [f"{name} {lasting(each)}" for name, each in seconds.items()]
    return ",\n".join(", ".join(told[number : number + 2]) for number in range(0, len(told), 2))


def _hit(report: ScanReport) -> str:
    """Say which receivers were hit: by their numbers, unless it was all of them."""
    receivers = report.totals.receivers
    if len(receivers) == report.n_coils > 1:
        return short_receivers(receivers, report.n_coils, ())
    of_all = f" ({len(receivers)} of {report.n_coils})" if report.n_coils else ""
    return f"{', '.join(f'#{part}' for part in ranges_of(receivers).split(', '))}{of_all}" if receivers else "none"


def _is_repair_off(report: ScanReport) -> bool:
    """Whether the chain was told to repair nothing."""
    names = (("calibration", "method"), ("raw_repair", "calibration.method"))
    return "none" in [report.settings.get(node, {}).get(name) for node, name in names]


def _checked(report: ScanReport) -> str:
    """Say how likely the images that were checked first show artifacts."""
    chances = sorted(each.image_probability for each in report.k_spaces if each.image_probability is not None)
    if not chances:
        return ""
    return f"{counted(len(chances), 'image')}, artifacts with a probability of {chances[0]:.2f} to {chances[-1]:.2f}"


def _reasons(report: ScanReport) -> str:
    if _is_repair_off(report):
        return ""
    reasons = Counter(point.refusal for kspace in report.k_spaces for point in kspace.refusals)
    return "; ".join(f"{reason} ({count})" for reason, count in by_kind(reasons)[:MAX_REASONS])


def _warnings(report: ScanReport) -> str:
    warnings = by_kind(Counter(warning for kspace in report.k_spaces for warning in kspace.warnings))
    more = len(warnings) - MAX_REASONS
    lines = [f"{warning} ({counted(count, 'k-space')})" for warning, count in warnings[:MAX_REASONS]]
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])
