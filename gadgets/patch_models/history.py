"""History: a store of past results, of what users said of them, and of the impact that sparks had.

One record of JSON per line, oldest first; lines are only ever added. Source document: thresholds from historically
set values and user feedback, the choice of a model by its accuracy in past calibrations, and three impact levels from
the magnitudes of recorded sparks that did no harm to the image, some, or too much for a diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError, field_validator

from gadgets.errors import StoreError
from gadgets.patches import REGIONS, Region, StandardValue
from gadgets.records import Record
from onnx_models.manifest import Architecture
from onnx_models.reading import read_regular

Impact = Literal["low", "impact", "high"]
IMPACTS: tuple[Impact, ...] = ("low", "impact", "high")

FEWEST_IMPACTS = 5
"""Records of an impact level from which on its magnitude is known."""

LEAST_SHARE = 0.1
"""A level begins where this share of the sparks with its impact, or a greater one, are weaker."""

THRESHOLDS: Mapping[Region, str] = {"centre": "centre_threshold", "outer": "threshold"}
"""Settings of the patch thresholds."""

Share = Annotated[float, Field(ge=0, le=1)]
_SHARE = TypeAdapter(Share)


class Result(Record):
    """How well despark did with certain settings, by whoever looked at it or by a test with known sparks.

    ``settings`` are those of ``spark_detection`` that are not the defaults, by name; ``accuracy`` is the share of
    ``n_judged`` patches that were judged rightly by a classifier of this ``architecture``.
    """

    kind: Literal["result"] = "result"
    architecture: Architecture
    accuracy: Share
    n_judged: Annotated[int, Field(ge=1)] = 1
    settings: dict[str, bool | float | str | None] = Field(default_factory=dict)

    @field_validator("settings")
    @classmethod
    def _thresholds_are_numbers(cls, settings: dict[str, bool | float | str | None]) -> dict[str, Any]:
        shares = {name: _SHARE.validate_python(settings[name]) for name in THRESHOLDS.values() if name in settings}
        return settings | shares


class Feedback(Record):
    """What a user says of a patch or a point that despark has shown: whether it was a spark.

    ``probability`` and ``region`` are those that despark gave it. A patch belongs to the centre if it reaches into the
    inner tenth of k-space, a point if it lies within a twentieth of the way from the centre to the border.
    """

    kind: Literal["feedback"] = "feedback"
    of: Literal["patch", "point"] = "patch"
    region: Region
    probability: Share
    was_spark: bool


class ImpactRecord(Record):
    """How a spark of known strength showed in the image.

    ``magnitude`` is in units of the ``standard_value`` of its k-space; ``low``: no artifact in the image; ``impact``:
    one that does not hinder a diagnosis; ``high``: one that does.
    """

    kind: Literal["impact"] = "impact"
    region: Region
    standard_value: StandardValue = "central_area"
    magnitude: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    impact: Impact


Entry = Annotated[Result | Feedback | ImpactRecord, Field(discriminator="kind")]
_ENTRY: TypeAdapter[Result | Feedback | ImpactRecord] = TypeAdapter(Entry)


@dataclass(frozen=True)
class History:
    """What a store holds, each kind of record in the order in which it was added."""

    results: Sequence[Result] = ()
    feedback: Sequence[Feedback] = ()
    impacts: Sequence[ImpactRecord] = ()
    source: str = "the history"

    def accuracy(self) -> dict[str, float]:
        """Give the mean accuracy of each architecture that has a result, every judged patch counting the same."""
        names = sorted({result.architecture for result in self.results})
        return {name: _mean(result for result in self.results if result.architecture == name) for name in names}

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

    Raises
    ------
    StoreError
        It cannot be read, or a line of it is damaged; file and line are named.
    """
    if path is None:
        return History()
    try:
        # As bytes: a damaged character is then reported with its line, as every other damage.
        lines = read_regular(path).splitlines()
    except OSError as error:
        raise StoreError(f"{path}: expected a history, cannot read it ({error.strerror})") from error
    entries = [_parsed(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    return History(
        tuple(entry for entry in entries if isinstance(entry, Result)),
        tuple(entry for entry in entries if isinstance(entry, Feedback)),
        tuple(entry for entry in entries if isinstance(entry, ImpactRecord)),
        str(path),
    )


def append(path: Path, entry: Result | Feedback | ImpactRecord) -> None:
    """Add a record to a store, which is made if it is not there.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    try:
        # Opened anew and written at once, so that lines of several processes never mix.
        with path.open("ab", buffering=0) as file:
            file.write(f"{entry.model_dump_json()}\n".encode())
    except OSError as error:
        raise StoreError(f"{path}: cannot write the history ({error.strerror})") from error


def _parsed(line: bytes, path: Path, number: int) -> Result | Feedback | ImpactRecord:
    try:
        return _ENTRY.validate_json(line)
    except ValidationError as error:
        complaints = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'line'}: {item['msg']}" for item in error.errors())
        raise StoreError(f"{path}, line {number}: expected a record of the history, found {complaints}") from error


def _mean(results: Iterable[Result]) -> float:
    counted = [(result.accuracy, result.n_judged) for result in results]
    # Weighted: a result of one patch must not count as much as one of thousands.
    return sum(accuracy * n for accuracy, n in counted) / sum(n for _, n in counted)


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
