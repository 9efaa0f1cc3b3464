"""History: a store of past results, of what users said of them, and of the impact that sparks had.

It lies in the logbook, or in a file of its own with one record of JSON per line, oldest first. Records are only ever
added. Source document: thresholds from historically
set values and user feedback, the choice of a model by its accuracy in past calibrations, and three impact levels from
the magnitudes of recorded sparks that did no harm to the image, some, or too much for a diagnosis.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from gadgets.errors import StoreError
from gadgets.logbook import MAGIC, Logbook, logbook_path
from gadgets.patch_models.history_records import (
    IMPACTS,
    Entry,
    Feedback,
    Impact,
    ImpactRecord,
    Result,
    SetThresholds,
)
from gadgets.patches import REGIONS, Region, StandardValue
from onnx_models.reading import read_regular

FEWEST_IMPACTS = 5
"""Records of an impact level from which on its magnitude is known."""

LEAST_SHARE = 0.1
"""A level begins where this share of the sparks with its impact, or a greater one, are weaker."""

AUTO = Path("auto")
"""Stands for the user's own logbook."""

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


@dataclass(frozen=True)
class History:
    """What a store holds, each kind of record in the order in which it was added.

    Of what was said of the same spark `feedback` holds the last, and so does `impacts`. `newest_feedback` is what was
    said since thresholds were set: who set them knew what had been said before.
    """

    results: Sequence[Result] = ()
    feedback: Sequence[Feedback] = ()
    impacts: Sequence[ImpactRecord] = ()
    source: str = "the history"
    thresholds: Sequence[SetThresholds] = ()
    newest_feedback: Sequence[Feedback] = ()

    def accuracy(self) -> dict[str, float]:
        """Give the mean accuracy of each architecture that has a result, every judged patch counting the same.

        A spark that a user confirmed was judged rightly, one that he rejected was not.
        """
        judged = [(result.architecture, result.accuracy, result.n_judged) for result in self.results]
        judged += [(each.architecture, float(each.was_spark), 1) for each in self.feedback if each.architecture]
        names = sorted({name for name, _, _ in judged})
        return {name: _mean([(share, n) for other, share, n in judged if other == name]) for name in names}

    def n_impacts(self) -> dict[Impact, int]:
        """Count the records of each impact level."""
        return {name: sum(each.impact == name for each in self.impacts) for name in IMPACTS}

    def max_of(self, impact: Impact | None, standard_value: StandardValue) -> dict[Region, float] | None:
        """Give the magnitude at which an impact level begins, by region; None where no level is asked for.

        Raises
        ------
        StoreError
            As :meth:`impact_levels`.
        """
        if impact is None:
            return None
        return {region: levels[impact] for region, levels in self.impact_levels(standard_value).items()}

    def impact_levels(self, standard_value: StandardValue) -> dict[Region, dict[Impact, float]]:
        """Learn the three magnitudes, in standard values, from which on sparks have an impact; by region.

        Each is the magnitude that nine of ten sparks with that impact, or a greater one, reach; none is below the one
        of a lower level. A region with too few records takes the levels of both regions together.

        Raises
        ------
        StoreError
            Both together are too few.
        """
        records = [record for record in self.impacts if record.standard_value == standard_value]
        levels = {region: _levels([each for each in records if each.region == region]) for region in REGIONS}
        # Most of k-space is outer, so records of the centre may long be too few to stand alone.
        together = _levels(records)
        if together is None and None in levels.values():
            counts = ", ".join(f"{sum(each.impact == name for each in records)} {name}" for name in IMPACTS)
            raise StoreError(
                f"{self.source}: expected {FEWEST_IMPACTS} impact records of each level in units of the standard value "
                f"{standard_value!r}, found {counts}"
            )
        return {region: own or together or {} for region, own in levels.items()}


def read_history(path: Path | None) -> History:
    """Read a store; None: an empty one.

    Parameters
    ----------
    path
        A logbook, a file of lines, or :data:`AUTO`.

    Raises
    ------
    StoreError
        It cannot be read, or a line of it is damaged; file and line are named.
    """
    if path == AUTO:
        # Nobody has to have said anything yet.
        path = logbook_path("auto")
        path = path if path is not None and path.exists() else None
    if path is None:
        return History()
    lines = _lines_of(path)
    entries = [_parsed(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    set_last = max((number for number, entry in enumerate(entries) if isinstance(entry, SetThresholds)), default=-1)
    return History(
        tuple(entry for entry in entries if isinstance(entry, Result)),
        _last_said(entries, Feedback),
        _last_said(entries, ImpactRecord),
        str(path),
        tuple(entry for entry in entries if isinstance(entry, SetThresholds)),
        _last_said(entries[set_last + 1 :], Feedback),
    )


def append(path: Path, entry: Entry) -> None:
    """Add a record to a store, which is made if it is not there.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    if _is_logbook(path):
        Logbook(path).say(entry.model_dump_json())
        return
    try:
        # Opened anew and written at once, so that lines of several processes never mix.
        with path.open("ab", buffering=0) as file:
            file.write(f"{entry.model_dump_json()}\n".encode())
    except OSError as error:
        raise StoreError(f"{path}: cannot write the history ({error.strerror})") from error


def take_over(path: Path, logbook: Path) -> int:
    """Read a file of lines into a logbook, once, and put a link to that in its place; the file stays as ``….before``.

    Returns
    -------
        How many records were read.

    Raises
    ------
    StoreError
        It cannot be read or is damaged, or the logbook cannot be written.
    """
    if _is_logbook(path):
        return 0
    read_history(path)
    lines = [line for line in _lines_of(path) if line.strip()]
    # Should the link fail, the next try finds them there already.
    is_new = Logbook(logbook).say(
        *(line.decode() for line in lines), taken_from=hashlib.sha256(b"\n".join(lines)).hexdigest()
    )
    try:
        # Nodes that name the file then read what the logbook says by now.
        path.replace(path.with_name(f"{path.name}.before"))
        path.symlink_to(logbook.absolute())
    except OSError as error:
        raise StoreError(f"{path}: cannot be replaced by the logbook ({error.strerror})") from error
    return len(lines) if is_new else 0


def _lines_of(path: Path) -> list[bytes]:
    """Give the records of a store, one text each."""
    try:
        if _is_logbook(path):
            return Logbook(path).said()
        # As bytes: a damaged character is then reported with its line, as every other damage.
        return read_regular(path).splitlines()
    except OSError as error:
        raise StoreError(f"{path}: expected a history, cannot read it ({error.strerror})") from error


def _is_logbook(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


SaidT = TypeVar("SaidT", Feedback, ImpactRecord)


def _last_said(entries: Sequence[Entry], kind: type[SaidT]) -> tuple[SaidT, ...]:
    """Give the records of a kind; of what was said of the same spark the last."""
    said = [entry for entry in entries if isinstance(entry, kind)]
    # One without a name stands for itself.
    return tuple({each.spark or number: each for number, each in enumerate(said)}.values())


def _parsed(line: bytes, path: Path, number: int) -> Entry:
    try:
        return _ENTRY.validate_json(line)
    except ValidationError as error:
        complaints = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'line'}: {item['msg']}" for item in error.errors())
        raise StoreError(f"{path}, line {number}: expected a record of the history, found {complaints}") from error


def _mean(judged: Sequence[tuple[float, int]]) -> float:
    # Weighted: a result of one patch must not count as much as one of thousands.
    return sum(accuracy * n for accuracy, n in judged) / sum(n for _, n in judged)


def _levels(records: Sequence[ImpactRecord]) -> dict[Impact, float] | None:
    """Give the magnitude at which each level begins; None where a level has too few records."""
    by_impact: Mapping[Impact, list[float]] = {
        name: [record.magnitude for record in records if record.impact == name] for name in IMPACTS
    }
    if min(map(len, by_impact.values())) < FEWEST_IMPACTS:
        return None
    levels: dict[Impact, float] = {}
    least = 0.0
    for number, name in enumerate(IMPACTS):
        # What does more harm does this much, too: few records of one level are helped by those above it.
        as_harmful = [magnitude for other in IMPACTS[number:] for magnitude in by_impact[other]]
        least = max(least, float(np.quantile(as_harmful, LEAST_SHARE)))
        levels[name] = least
    return levels
