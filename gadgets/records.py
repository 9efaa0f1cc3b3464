"""What was found and what was done about it: small values that travel between nodes and into reports."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, model_validator

from gadgets.indices import Indices

RepairMethod = Literal["zero", "conjugate", "interpolation", "network", "calibration_model", "series"]


class Record(BaseModel):
    """Base of all records: immutable, and strict about what they hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetPatch(Record):
    """A patch that a first classification model takes to hold abnormal points.

    ``anchor`` is its first sample (partition, line, sample), ``shape`` its size along the same axes. ``samples`` is
    empty unless the whole patch is to be replaced: then its calibrated samples, complex64 ``(coil, *shape)`` in the
    order of memory, in base64; NaN where it is to stay as it was acquired.
    """

    anchor: tuple[int, int, int]
    shape: tuple[int, int, int]
    probability: float
    model: str
    # Text, as records travel as JSON; base64 keeps every bit, where decimal numbers would be longer.
    samples: str = ""


class Point(Record):
    """One abnormal sample: its place in k-space and the moment of the scan it belongs to.

    ``receivers`` are those that were hit, numbered from 0, the strongest first; ``over_noise`` says how strongly, as
    multiples of each receiver's noise. ``receivers_repaired`` are those whose sample is to be repaired: what is seen in
    two of them reached all, in some too weakly to be seen. They are the same where nothing else is said.
    ``error_left`` is the error that is expected after the repair, over all receivers and in units of their noise.
    ``values`` is empty unless a calibration model says what the samples to be repaired should be: then real and
    imaginary part for each of them.
    """

    partition: int
    line: int
    sample: int
    receivers: tuple[NonNegativeInt, ...]
    over_noise: tuple[float, ...] = ()
    receivers_repaired: tuple[NonNegativeInt, ...] = ()
    error_left: float = 0.0
    probability: float
    scan_counter: int
    time_stamp: int
    values: tuple[tuple[float, float], ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _repaired_where_hit(cls, fields: Any) -> Any:  # noqa: ANN401 - whatever is to be validated
        """Take the receivers that were hit for those to be repaired, where nothing else is said."""
        if isinstance(fields, dict) and "receivers" in fields:
            return {"receivers_repaired": fields["receivers"], **fields}
        return fields

    @property
    def place(self) -> tuple[int, int, int]:
        """Partition, line and sample."""
        return self.partition, self.line, self.sample


class KnownRepair(Record):
    """What the repair makes of a point, as detection already knows it.

    ``recorded`` and ``values`` are the samples of the receivers to be repaired, complex64 in base64: what was recorded,
    and what belongs there; ``values`` is empty where the repair is refused. Only where the very same samples are still
    recorded does it hold. ``series`` is what earlier k-spaces of the place say belongs there; empty where these say
    nothing.
    """

    method: RepairMethod | None
    # Base64 as well: only samples that are the same bit for bit may take the repair over.
    recorded: str
    values: str = ""
    series: str = ""
    refusal: str = ""


class NamedRecord(Record):
    """Tells the nodes behind which scan they work for, and who sent it; empty where that is not told."""

    scan: str = ""
    client: str = ""


class Detection(NamedRecord):
    """The result of looking for sparks in one k-space.

    ``patches`` counts all patches that were judged. ``provider`` is what the opened session runs on
    (``CPUExecutionProvider``, ``CUDAExecutionProvider``), ``models`` are those that looked, also where they found
    nothing, each with the first digits of its hash. ``seconds`` is the time of the whole step.
    ``image_probability`` is that of an artifact in the image, where the image was checked first.
    ``warning`` says why the k-space was passed on unjudged, in full or in part. ``repairs`` has one entry for each
    point, or none at all where detection had no need to know. ``shape`` is that of the k-space (receiver, partition,
    line, sample), ``centre`` is where its centre lies (partition, line, sample), ``acquired`` the number of samples of
    each receiver, and ``moments`` are the first and the last time stamp of its readouts. ``thresholds`` are those that
    were in force, ``thresholds_from`` says where they come from. ``earlier`` counts the k-spaces of the same
    place that it was compared with.
    """

    indices: Indices
    shape: tuple[int, int, int, int] = (0, 0, 0, 0)
    centre: tuple[int, int, int] = (0, 0, 0)
    acquired: int = 0
    moments: tuple[int, int] = (0, 0)
    # No default of all records together: pydantic copies it for each.
    thresholds: dict[str, float] = {}
    thresholds_from: str = ""
    patches: int = 0
    target_patches: tuple[TargetPatch, ...] = ()
    points: tuple[Point, ...] = ()
    repairs: tuple[KnownRepair, ...] = ()
    earlier: int = 0
    image_probability: float | None = None
    models: tuple[str, ...] = ()
    provider: str = ""
    seconds: float = 0.0
    warning: str = ""


class RepairedPoint(Record):
    """What became of one point: how it was repaired, or why it was left as it is.

    Magnitudes are those of the loudest receiver to be repaired, before and after. ``method`` is None where nothing
    was changed; ``refusal`` then gives the reason.
    """

    point: Point
    method: RepairMethod | None
    magnitude_before: float
    magnitude_after: float
    refusal: str = ""


class Calibration(Record):
    """The result of repairing one k-space.

    ``patches`` are the anchors of target patches that were replaced whole; empty unless that was asked for.
    """

    indices: Indices
    points: tuple[RepairedPoint, ...] = ()
    patches: tuple[tuple[int, int, int], ...] = ()
    seconds: float = 0.0
    warning: str = ""

    @property
    def n_repaired(self) -> int:
        """Points whose samples were changed."""
        return sum(point.method is not None for point in self.points)


class Original(Record):
    """Says that the k-spaces which follow are as they were acquired: they went ahead once already, repaired."""


class Assembly(NamedRecord):
    """How one k-space came in: its readouts, and how many of those expected are missing; lost: none was assembled."""

    indices: Indices
    readouts: int
    missing: int = 0
    seconds: float = 0.0
    warning: str = ""
    is_lost: bool = False


class Imaging(Record):
    """The image that one k-space became: its running number and its size along z, y and x."""

    indices: Indices
    image: int
    matrix: tuple[int, int, int]
    seconds: float = 0.0
    warning: str = ""
