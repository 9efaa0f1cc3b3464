"""What the page says below its table: what is repaired and how, what is not and why, and what else was noticed."""

from __future__ import annotations

from collections import Counter

from gadgets.findings import by_kind, counted, named_receivers
from pipelines.inspection.vocabulary import METHODS, NEAR_CENTRE
from pipelines.replay import RECORDS, ScanReport


def repaired(report: ScanReport) -> tuple[str, ...]:
    """Say how samples were repaired, or would be, and in which receivers; nothing where none is."""
    methods = Counter(point.method for kspace in report.k_spaces for point in kspace.points if point.method is not None)
    if not methods:
        return ()
    how = ", ".join(f"{counted(count, 'sample')} {METHODS[method][1]}" for method, count in methods.most_common())
    where = named_receivers(report.totals.receivers_repaired, report.scan.coils)
    if len(report.totals.receivers_repaired) == report.n_coils:
        where = f"all {report.n_coils} receivers"
    verb = "would be" if report.is_look else "were"
    wide = f"They {verb} repaired in {where}: what is seen in two receivers reached all, in some too weakly to be seen."
    others = "No other sample is changed."
    looked = " Nothing was written: this is what a repair does." if report.is_look else ""
    # Where the two differ a reader would ask why: it is said only then.
    is_wider = set(report.totals.receivers_repaired) > set(report.totals.receivers)
    return (f"{how}. {others}{looked}", *((wide,) if is_wider else ()))


def refused(report: ScanReport) -> tuple[str, ...]:
    """Say why samples stay as they are."""
    reasons = Counter(point.refusal for kspace in report.k_spaces for point in kspace.refusals)
    return tuple(f"{counted(count, 'sample')}: {reason}." for reason, count in by_kind(reasons))


def warnings(report: ScanReport) -> tuple[str, ...]:
    """Say what the nodes warned of, and what makes a spark hard to judge."""
    counts = Counter(warning for kspace in report.k_spaces for warning in kspace.warnings)
    told = [f"{_capital(warning)} ({counted(count, 'k-space')})." for warning, count in by_kind(counts)[:10]]
    n_centre = sum(spark.radius < NEAR_CENTRE for spark in report.sparks)
    near = (
        f"{counted(n_centre, 'spark')} near the centre of k-space (radius below {NEAR_CENTRE}): they shade the image."
    )
    return (*told, *((near,) if n_centre else ()))


def _capital(warning: str) -> str:
    """Begin a sentence with a warning, without the name of the node that gave it."""
    node, _, text = warning.partition(": ")
    told = text if node in RECORDS else warning
    return f"{told[:1].upper()}{told[1:]}"
