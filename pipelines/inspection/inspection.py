"""What was seen in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gadgets.findings import ScanFacts
from gadgets.records import Record
from pipelines.files import readable
from pipelines.inspection.pictures import KSpacePictures
from pipelines.replay import LOOK, ScanReport, in_words, merge, total
from pipelines.version import despark_version

OnStep = Callable[[int, int], None]
"""Called with how many readouts, or images, of how many were looked at."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was seen in a file: the report, and pictures of the k-spaces with the strongest sparks."""

    report: ScanReport
    pictures: tuple[KSpacePictures, ...]


class Asked(NamedTuple):
    """What somebody wants to be looked at: the file, its group, and the settings by ``NODE.PROPERTY``."""

    path: Path
    group: str
    properties: Mapping[str, str]


def report_of(
    asked: Asked,
    records: list[tuple[str, Record]],
    facts: ScanFacts,
    seconds: float,
    seen_before: str,
    doubt: str = "",
    noun: str = "",
) -> ScanReport:
    """Give the report of a look.

    Parameters
    ----------
    asked
        What was looked at.
    records
        Of all k-spaces, under the names of the nodes.
    facts
        What the header says.
    seconds
        It took.
    seen_before
        What despark did to the data before.
    doubt
        Why sparks may be there where none was found.
    noun
        What a k-space of this file is called.
    """
    kspaces = merge(records)
    return ScanReport(
        despark=despark_version(),
        input=readable(asked.path),
        group=asked.group,
        output="",
        pipeline=LOOK,
        settings={"inspect": dict(asked.properties)} if asked.properties else {},
        returned={},
        seconds=seconds,
        seen_before=seen_before,
        totals=total(kspaces),
        **in_words(kspaces, facts, doubt, is_look=True, noun=noun),
    )
