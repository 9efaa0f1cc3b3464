"""Tables of ``despark accept``: which of the sparks that were put in came back repaired, and what else was changed."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from rich.table import Table

from pipelines.benchmark import Grouping, by_group, counted
from pipelines.phantom import Comparison

RADIUS_AND_STRENGTH = "r: distance from the centre, 1 is the border; rnr: ripple in the image over its noise"
GROUPINGS: tuple[Grouping, ...] = ("ring", "strength")


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
