"""What the page says, apart from how it looks: the same words on the screen and on paper."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gadgets.findings import (
    Spark,
    counted,
    image_errors,
    is_unseen,
    lasting,
    ranges_of,
    short_receivers,
)
from gadgets.settings import names_file
from pipelines.inspection.paragraphs import refused, repaired, warnings
from pipelines.inspection.vocabulary import (
    COLUMNS,
    HOW_SURE,
    LEGEND,
    METHODS,
    NOTHING_SAID,
    PARTITIONS,
    TICKS,
    visible,
)
from pipelines.replay import ScanReport


@dataclass(frozen=True)
class Words:
    """All that is said of a scan.

    Attributes
    ----------
    subject
        What was looked at.
    severity, status, verdict, note
        How bad it is: nothing, ``warn`` or ``bad``; in two or three words; in a sentence; what else is to be known.
    advice
        Where to look.
    facts
        Name, value, and what belongs to the value in small print.
    columns, rows, strengths
        The table of sparks, and how strong the spark of each row is.
    legend
        What the table's words mean.
    sections
        Title and paragraphs of what else there is to know.
    made
        Settings, models and versions.
    """

    subject: str
    severity: str
    status: str
    verdict: str
    note: str
    advice: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    strengths: tuple[float, ...]
    legend: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    made: tuple[tuple[str, str], ...]


def in_words(report: ScanReport) -> Words:
    """Say what a report says, for somebody who does not know the program."""
    sparks = report.sparks
    severity, status = _severity(sparks, report)
    scan = report.scan
    # The header's own date may tell who was scanned; that of this page is enough to find it again.
    done = f"{'looked at' if report.is_look else 'repaired'} on {report.date[:10]}"
    where = [scan.protocol, scan.station, scan.system, f"{scan.field_t:.3g} T" if scan.field_t else "", done]
    return Words(
        subject=" · ".join(each for each in (Path(report.input).name, *where) if each not in NOTHING_SAID),
        severity=severity,
        status=status,
        verdict=report.verdict,
        note=" ".join(filter(None, (_seen_in_images(report), report.note))),
        advice=tuple(pattern.advice for pattern in report.patterns),
        facts=_facts(report),
        columns=(*COLUMNS, "repair" if report.is_look else "repaired"),
        rows=tuple(_row(spark, report) for spark in sparks),
        strengths=tuple(spark.strength for spark in sparks),
        legend=_legend(report),
        sections=(
            ("What can be repaired" if report.is_look else "What was repaired", repaired(report)),
            (f"What {'cannot be' if report.is_look else 'was not'} repaired, and why", refused(report)),
            ("What else was noticed", warnings(report)),
            ("How sure is this?", HOW_SURE),
        ),
        made=_made(report),
    )


def _legend(report: ScanReport) -> str:
    """Say what the words of the table mean, as far as it has them."""
    return LEGEND + (PARTITIONS if report.has_partitions else "") + (TICKS if report.has_ticks else "")


def _severity(sparks: tuple[Spark, ...], report: ScanReport) -> tuple[str, str]:
    if not report.totals.sparks:
        unjudged = not report.k_spaces or not any(kspace.is_judged for kspace in report.k_spaces)
        if unjudged or report.doubt:
            return "warn", "not judged" if unjudged else "not sure"
        return "", "no sparks"
    if is_unseen(sparks):
        return "", "sparks, too weak to be seen"
    if all(spark.is_repaired for spark in sparks):
        return "warn", "sparks, can be repaired" if report.is_look else "sparks, repaired"
    return "bad", "sparks" if report.is_look else "sparks left"


def _seen_in_images(report: ScanReport) -> str:
    """Say what a reader of the images sees of the sparks, and what would be left of that or is."""
    before, after = image_errors(report.sparks) if report.sparks else (0.0, None)
    if not before:
        return ""
    told = f"In the images as recorded the sparks are {visible(before)}: {before:.2g} times the noise."
    if after is None:
        return told
    if after >= before:
        return f"{told} They are left as they are."
    left = "A repair leaves" if report.is_look else "The repair has left"
    return f"{told} {left} {after:.2g} times the noise, as estimated: {visible(after)}."


def _facts(report: ScanReport) -> tuple[tuple[str, str, str], ...]:
    sparks = report.sparks
    n_kspaces = report.totals.k_spaces
    length = report.scan.seconds_between(*report.moments)
    start = report.scan.clock_of(report.moments[0]) if any(report.moments) else ""
    n_samples = counted(report.totals.points, "sample")
    facts = [("sparks", str(report.totals.sparks), f"in {n_samples}" if report.totals.sparks else "")]
    if sparks:
        strongest = max(sparks, key=lambda spark: spark.strength)
        facts.append(("strongest ripple", f"{strongest.strength:.2g} ×", "the image noise"))
        facts.append(("image error", _errors(sparks), "× the image noise, estimated"))
        hit = {spark.indices for spark in sparks}
        facts.append(("hit", f"{len(hit)} of {n_kspaces}", "k-spaces (images)"))
    else:
        facts.append(("looked at", str(n_kspaces), "k-spaces (images)"))
    if length is not None:
        facts.append(("length of scan", lasting(length), f"from {start[:8]}" if start else ""))
    return tuple(facts)


def _errors(sparks: tuple[Spark, ...]) -> str:
    before, after = image_errors(sparks)
    return f"{before:.2g}" if after is None else f"{before:.2g} → {after:.2g}"


def _row(spark: Spark, report: ScanReport) -> tuple[str, ...]:
    done = ", ".join(METHODS[method][0] for method in spark.methods)
    fate = done if spark.is_repaired else ("in part" if spark.methods else "no")
    return (
        report.place_of(spark.indices),
        f"{spark.partition} / {spark.line}" if spark.partition else str(spark.line),
        ranges_of(spark.samples).replace("-", "–"),
        _time(spark, report),
        short_receivers(spark.receivers, report.n_coils, report.scan.coils, most=4),
        f"{spark.strength:.2g}" if spark.strength else "?",
        f"{spark.radius:.2f}",
        f"{100 * spark.probability:.0f} %",
        fate,
    )


def _time(spark: Spark, report: ScanReport) -> str:
    if spark.seconds is None:
        return f"tick {spark.time_stamp - report.moments[0]}" if any(report.moments) else "?"
    return lasting(spark.seconds) + (f" ({spark.clock[:8]})" if spark.clock else "")


def _made(report: ScanReport) -> tuple[tuple[str, str], ...]:
    settings = [
        f"{node}.{name}={Path(value).name if names_file(name) else value}"
        for node, values in report.settings.items()
        for name, value in values.items()
    ]
    models = dict.fromkeys(model for kspace in report.k_spaces for model in kspace.models)
    return (
        # The page is mailed to others, and a folder may be called after a patient.
        ("file", Path(report.input).name),
        ("chain", "none: the file was only looked at" if report.is_look else report.pipeline),
        ("settings", ", ".join(settings) or "as they are installed"),
        ("models", ", ".join(models) or "none"),
        ("ran on", ", ".join(report.totals.providers) or "nothing"),
        ("despark", report.despark),
        ("made on", report.date.replace("T", " ")),
        ("took", lasting(report.seconds)),
    )
