"""The rivals that somebody has named, opened."""

from __future__ import annotations

from collections.abc import Mapping

from gadgets.errors import SettingsError
from pipelines.benchmark.despark import open_repair, open_scans
from pipelines.benchmark.rivals import RIVALS, AnyRival
from pipelines.benchmark.variants import Properties

DESPARK = "despark"


def open_rivals(
    names: str, properties: Properties, variants: Mapping[str, Properties] | None = None, *, truth_points: bool = False
) -> dict[str, AnyRival]:
    """Open the rivals named, in that order, then the variants of despark.

    Parameters
    ----------
    names
        Of the rivals, with commas between them; there may be none if there are variants.
    properties, variants
        Settings of despark itself, and of each variant by its name.
    truth_points
        Whether despark is told where the sparks are.

    Raises
    ------
    SettingsError
        A name is unknown, or none is given.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in (DESPARK, *RIVALS)]
    if unknown or not (wanted or variants):
        found = ", ".join(unknown) or "none"
        raise SettingsError(f"--rivals: expected some of {', '.join((DESPARK, *RIVALS))}, found {found}")
    ours = ({DESPARK: properties} if DESPARK in wanted else {}) | dict(variants or {})
    opened: dict[str, AnyRival] = {}
    for name, each in ours.items():
        opened[name] = open_repair(each) if truth_points else open_scans(each)
    return {name: opened.get(name) or RIVALS[name] for name in (*wanted, *(variants or {}))}
