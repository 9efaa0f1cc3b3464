"""Tables of ``despark accept``: which of the sparks that were put in came back repaired, and what else was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
from rich.table import Table

from gadgets.findings import place_of, ranges_of, short_receivers
from pipelines.benchmark import Grouping, Proportion, by_group, found_of, percentage
from pipelines.phantom import Comparison, SimulatedSpark

LEGEND = (
    "spark: what was put in at one moment, into one readout; radius: distance from\n"
    "the centre of k-space, 1 is the border; ripple: stripes in the image over its\n"
    "noise (0.25 faint, 1 obvious)"
)
MOST_REPETITIONS = 12
GROUPINGS: Mapping[Grouping, str] = {"ring": "radius", "strength": "ripple"}
"""By what sparks are told apart, and how a person calls that."""


def found_table(comparison: Comparison) -> Table:
    """Show how many sparks were found by radius and by strength."""
    table = Table(title="Sparks found and repaired", title_justify="left")
    table.add_column("")
    table.add_column("found", justify="right")
    for grouping, word in GROUPINGS.items():
        for name, proportion in by_group(comparison.events, grouping).items():
            if proportion.trials:
                table.add_row(f"{word} {name.removeprefix('rnr ').removeprefix('r ')}", percentage(proportion))
        table.add_section()
    for name, proportion in _worst(by_repetition(comparison)):
        table.add_row(name, percentage(proportion))
    table.add_section()
    # Known only where both raw files were compared, sample by sample.
    if comparison.left:
        table.add_row("left of a spark, median", f"{100 * np.median(comparison.left):.2g} %")
        table.add_row("left of a spark, most", f"{100 * max(comparison.left):.2g} %")
    return table


def by_repetition(comparison: Comparison) -> dict[int, Proportion]:
    """Count the sparks that were found in each repetition of a series; nothing where there is only one."""
    numbers = sorted(set(comparison.repetitions))
    if len(numbers) < 2:
        return {}
    pairs = list(zip(comparison.repetitions, comparison.events, strict=True))
    return {number: found_of(event for own, event in pairs if own == number) for number in numbers}


def _worst(proportions: Mapping[int, Proportion]) -> list[tuple[str, Proportion]]:
    """Choose the repetitions of which the most was missed, as many as a person reads, and join the others."""
    worst = sorted(proportions, key=lambda number: proportions[number].share)[:MOST_REPETITIONS]
    others = [own for number, own in proportions.items() if number not in worst]
    rows = [(f"repetition {number}", proportions[number]) for number in sorted(worst)]
    joined = Proportion(sum(own.count for own in others), sum(own.trials for own in others))
    return [*rows, (f"{len(others)} other repetitions", joined)] if others else rows


def harm_table(comparison: Comparison) -> Table:
    """Show how many samples were changed that no spark had hit."""
    table = Table(title="Harm", title_justify="left", show_header=False)
    table.add_row("samples changed beside sparks" if comparison.found else "samples changed", str(comparison.n_beside))
    return table


def list_of_sparks(sparks: Sequence[SimulatedSpark], title: str) -> Table:
    """List sparks that were put in, in the order of the scan; 80 columns hold it."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("where")
    for name in ("line", "sample", "ripple", "radius"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("receivers")
    for spark in sorted(sparks, key=lambda each: each.acquisition):
        table.add_row(
            place_of(spark.indices),
            str(spark.line) if not spark.partition else f"{spark.partition}/{spark.line}",
            ranges_of(range(spark.first_column, spark.first_column + spark.n_samples)),
            f"{spark.rnr:.2g}",
            f"{spark.radius:.2f}",
            short_receivers(spark.receivers, len(spark.gains), ()),
        )
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
    if repetitions := by_repetition(comparison):
        counts["repetition"] = {str(n): {"found": own.count, "of": own.trials} for n, own in repetitions.items()}
    found = {"found": sum(comparison.found), "of": len(comparison.found)}
    # JSON has no word for what is not a number.
    left = {"left": [share if isfinite(share) else None for share in comparison.left]} if comparison.left else {}
    return {"sparks": found, **counts, **left, "changed_beside_sparks": comparison.n_beside}
