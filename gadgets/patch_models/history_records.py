"""The records of a history, one per line: what was reached, what users said, what they set, what harm sparks did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, field_validator

from gadgets.patches import Region, StandardValue
from gadgets.records import Record
from onnx_models.model_entry import Architecture

Impact = Literal["low", "impact", "high"]
IMPACTS: tuple[Impact, ...] = ("low", "impact", "high")

THRESHOLDS: Mapping[Region, str] = {"centre": "centre_threshold", "outer": "threshold"}
"""Settings of the patch thresholds."""

Share = Annotated[float, Field(ge=0, le=1)]
_SHARE: TypeAdapter[float] = TypeAdapter(Share)


class Result(Record):
    """How well despark did with certain settings, by whoever looked at it or by a test with known sparks.

    ``settings`` are those of ``spark_detection`` that are not the defaults, by name; ``accuracy`` is the share of
    ``n_judged`` patches that were judged rightly by a classifier of this ``architecture``.
    """

    # The kind stands in each line of the file: by it the reader knows which record it has before it checks the rest.
    kind: Literal["result"] = "result"
    architecture: Architecture
    accuracy: Share
    n_judged: Annotated[int, Field(ge=1)] = 1
    settings: dict[str, bool | float | str | None] = Field(default_factory=dict)

    @field_validator("settings")
    @classmethod
    def _thresholds_are_numbers(cls, settings: dict[str, bool | float | str | None]) -> dict[str, Any]:
        # Only these two are read back, to choose thresholds from; the others are told for whoever reads the file.
        shares = {name: _SHARE.validate_python(settings[name]) for name in THRESHOLDS.values() if name in settings}
        return settings | shares


class Feedback(Record):
    """What a user says of a patch or a point that despark has shown: whether it was a spark.

    ``probability`` and ``region`` are those that despark gave it. A patch belongs to the centre if it reaches into the
    inner tenth of k-space, a point if it lies within a twentieth of the way from the centre to the border.
    ``spark`` names it: of what was said of the same one, the last counts. ``architecture`` is that of the model that
    judged its patch. ``by`` and ``at`` say who said it and when (UTC, ISO 8601).
    """

    kind: Literal["feedback"] = "feedback"
    of: Literal["patch", "point"] = "patch"
    region: Region
    probability: Share
    was_spark: bool
    spark: str = ""
    architecture: Architecture | None = None
    by: str = ""
    at: str = ""


class ImpactRecord(Record):
    """How a spark of known strength showed in the image.

    ``magnitude`` is in units of the ``standard_value`` of its k-space; ``low``: no artifact in the image; ``impact``:
    one that does not hinder a diagnosis; ``high``: one that does. ``spark``, ``by`` and ``at`` as in
    :class:`Feedback`.
    """

    kind: Literal["impact"] = "impact"
    region: Region
    standard_value: StandardValue = "central_area"
    magnitude: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    impact: Impact
    spark: str = ""
    by: str = ""
    at: str = ""


class SetThresholds(Record):
    """Thresholds that somebody has set: they stand in place of the settings of ``spark_detection`` of the same names.

    ``by`` and ``at`` say who did it and when (UTC, ISO 8601).
    """

    kind: Literal["thresholds"] = "thresholds"
    threshold: Share
    centre_threshold: Share
    point_threshold: Share
    core_threshold: Share
    by: str = ""
    at: str = ""

    @property
    def values(self) -> dict[str, float]:
        """The thresholds, by the names of the settings."""
        return self.model_dump(exclude={"kind", "by", "at"})


Entry = Result | Feedback | ImpactRecord | SetThresholds
