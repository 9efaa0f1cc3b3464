"""One entry of the logbook: what is kept of a scan. Nothing in it tells who was scanned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Annotated

from pydantic import ConfigDict, Field, NonNegativeInt

from gadgets.findings import ScanFacts, Spark, place_of
from gadgets.indices import Indices
from gadgets.records import Record

MOST_SPARKS = 200
"""Sparks that are kept one by one; of more the numbers alone."""

Count = Annotated[int, Field(ge=0, le=2**53)]
"""Of which a data base and a mean can be made, whatever a damaged file says."""


class SparkEntry(Record):
    """What is kept of a spark.

    ``where`` names its k-space, or its image in a file of images. ``radius`` is the distance from the centre of
    k-space, 1 at the border, ``probability`` how sure the models were; empty or None where an older despark wrote it.
    """

    receivers: tuple[NonNegativeInt, ...]
    rnr: float
    where: str = ""
    line: int
    sample: int
    clock: str = ""
    is_repaired: bool
    radius: float | None = None
    probability: float | None = None


class ScanEntry(Record):
    """What is kept of a scan.

    ``began`` and ``ended`` are in UTC, ``local`` in the time of the machine, all in ISO 8601. ``source`` is the node or
    the command that saw it, ``scan`` its name, and ``client`` the address of who sent it. ``settings`` are those that
    are not the defaults, ``thresholds`` those that were in force, and ``thresholds_from`` says who set them. ``models``
    are those that looked, with the first digits of their hashes. ``strongest`` is the ripple of the strongest
    spark in units of the image noise. ``failure`` says why the scan ended early.
    """

    # Not strict as other records are: a newer despark may have written more fields into a file that both use.
    model_config = ConfigDict(frozen=True, extra="ignore")

    ended: str
    local: str
    source: str
    scan: str = ""
    client: str = ""
    began: str = ""
    protocol: str = ""
    station: str = ""
    vendor: str = ""
    system: str = ""
    despark: str = ""
    provider: str = ""
    models: tuple[str, ...] = ()
    settings: dict[str, str] = Field(default_factory=dict)
    thresholds: dict[str, float] = Field(default_factory=dict)
    thresholds_from: str = ""
    seconds: float = 0.0
    k_spaces: Count = 0
    unjudged: Count = 0
    sparks: Count = 0
    repaired: Count = 0
    refusals: dict[str, int] = Field(default_factory=dict)
    strongest: float = 0.0
    verdict: str = ""
    patterns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: str = ""
    coils: tuple[str, ...] = ()
    found: tuple[SparkEntry, ...] = ()

    @property
    def is_unjudged(self) -> bool:
        """Whether nothing of the scan could be judged, so that no sparks found says nothing."""
        return not self.sparks and 0 < self.k_spaces == self.unjudged

    @property
    def outcome(self) -> str:
        """How many sparks were found, or in their place what came of the scan; for the column of a table."""
        return "failed" if self.failure else "?" if self.is_unjudged else str(self.sparks)


def now() -> str:
    """Tell the time as entries have it: UTC, ISO 8601, seconds."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def entry_of(
    source: str,
    facts: ScanFacts,
    sparks: Sequence[Spark],
    *,
    refusals: Mapping[str, int] | None = None,
    named: Callable[[Indices], str] = place_of,
    **more: object,
) -> ScanEntry:
    """Make the entry of a scan that has just ended.

    Parameters
    ----------
    source
        The node or the command that saw it.
    facts, sparks
        What its header says, and what was found.
    refusals
        How many points were refused, by the reason.
    named
        Names a k-space.
    more
        Other fields of :class:`ScanEntry`.
    """
    ended = now()
    return ScanEntry.model_validate(
        {
            "ended": ended,
            # Written down, not made from UTC later: whoever reads may sit in another time zone than the scanner.
            "local": datetime.fromisoformat(ended).astimezone().isoformat(timespec="seconds"),
            "source": source,
            **facts.model_dump(include={"protocol", "station", "vendor", "system", "coils"}),
            "sparks": len(sparks),
            "repaired": sum(spark.is_repaired for spark in sparks),
            "strongest": max((spark.strength for spark in sparks), default=0.0),
            "refusals": dict(refusals or {}),
            # The counts above are those of all sparks.
            "found": tuple(_spark_entry(spark, named(spark.indices)) for spark in sparks[:MOST_SPARKS]),
            **more,
        }
    )


def _spark_entry(spark: Spark, where: str) -> SparkEntry:
    return SparkEntry(
        receivers=spark.receivers,
        rnr=round(spark.strength, 4),
        where=where,
        line=spark.line,
        sample=spark.samples[len(spark.samples) // 2],
        clock=spark.clock,
        is_repaired=spark.is_repaired,
        radius=round(spark.radius, 4),
        probability=spark.probability,
    )
