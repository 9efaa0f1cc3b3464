"""The result of a scan for machines and for people: what was found and done, per k-space and in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from gadgets.findings import Pattern, ScanFacts, Spark, place_of, strongest_first
from gadgets.indices import Indices
from gadgets.records import TargetPatch


class PointReport(BaseModel):
    """One abnormal sample and what became of it; ``method`` is null where it was left as it was.

    ``receivers`` are those that were hit, the strongest first, ``over_noise`` says how strongly, and
    ``receivers_repaired`` are those in which the sample was repaired, or would have been. ``error_left`` is what the
    repair is expected to leave, in units of the noise.
    """

    model_config = ConfigDict(frozen=True)

    scan_counter: int
    time_stamp: int
    partition: int
    line: int
    sample: int
    receivers: tuple[int, ...]
    over_noise: tuple[float, ...] = ()
    receivers_repaired: tuple[int, ...] = ()
    error_left: float = 0.0
    probability: float
    magnitude_before: float | None = None
    magnitude_after: float | None = None
    method: str | None = None
    refusal: str = ""


class KSpaceReport(BaseModel):
    """One k-space: ``refusals`` are those of its points that were not repaired, for the reason given.

    ``shape`` is that of its samples (receiver, partition, line, sample), ``centre`` is where its centre lies (zeros
    where nobody knows), ``moments`` are the first and the last time stamp of its readouts. ``image_probability`` is
    that of an artifact in its image, where the image was checked first. ``thresholds`` are those that were in force,
    ``thresholds_from`` says who set them, and ``models`` are those that looked.
    """

    indices: Indices
    shape: tuple[int, int, int, int] = (0, 0, 0, 0)
    centre: tuple[int, int, int] = (0, 0, 0)
    moments: tuple[int, int] = (0, 0)
    readouts: int | None = None
    missing: int = 0
    patches: int = 0
    target_patches: tuple[TargetPatch, ...] = ()
    sparks: tuple[Spark, ...] = ()
    points: tuple[PointReport, ...] = ()
    refusals: tuple[PointReport, ...] = ()
    image_probability: float | None = None
    thresholds: dict[str, float] = {}
    thresholds_from: str = ""
    models: tuple[str, ...] = ()
    provider: str = ""
    image: int | None = None
    seconds: dict[str, float] = {}
    warnings: tuple[str, ...] = ()

    @property
    def is_judged(self) -> bool:
        """Whether it was looked at."""
        return bool(self.patches or self.points or self.sparks) or self.image_probability is not None


class Totals(BaseModel):
    """The scan in numbers; receivers as in :class:`PointReport`."""

    k_spaces: int = 0
    patches: int = 0
    target_patches: int = 0
    sparks: int = 0
    points: int = 0
    repaired: int = 0
    refused: int = 0
    receivers: tuple[int, ...] = ()
    receivers_repaired: tuple[int, ...] = ()
    providers: tuple[str, ...] = ()
    seconds: dict[str, float] = {}


LOOK = "inspect"
"""Stands for the chain where nothing was repaired, and the report tells what a repair would do."""


def _now() -> str:
    # Local time with its distance from UTC says both.
    return datetime.now().astimezone().isoformat(timespec="seconds")


class ScanReport(BaseModel):
    """The result of a scan: ``verdict`` and ``patterns`` say in words what the rest says in numbers.

    ``moments`` are the first and the last time stamp of the imaging data. ``doubt`` says why sparks may be there where
    none was found. ``seen_before`` says what despark did to the data before this; empty where they do not say.
    ``noun`` is ``image`` for a file of images: there the repetition is the number of the image.
    """

    despark: str
    date: str = Field(default_factory=_now)
    verdict: str = ""
    doubt: str = ""
    seen_before: str = ""
    noun: str = ""
    patterns: tuple[Pattern, ...] = ()
    scan: ScanFacts = ScanFacts()
    moments: tuple[int, int] = (0, 0)
    input: str
    group: str
    output: str
    pipeline: str
    settings: dict[str, dict[str, str]]
    returned: dict[str, int]
    seconds: float
    totals: Totals
    k_spaces: tuple[KSpaceReport, ...]

    @property
    def is_look(self) -> bool:
        """Whether nothing was repaired: told is what a repair would do."""
        return self.pipeline == LOOK

    @property
    def note(self) -> str:
        """What a reader of the verdict has to know as well; empty where there is nothing."""
        return f"despark has seen these data before: {self.seen_before}." if self.seen_before else ""

    def place_of(self, indices: Indices) -> str:
        """Name a k-space by its counters, or an image by its number in the file."""
        return f"image {indices.repetition}" if self.noun == "image" else place_of(indices)

    @property
    def has_ticks(self) -> bool:
        """Whether sparks are told by steps of the scanner's clock: the header does not say how long one lasts."""
        return any(self.moments) and any(spark.seconds is None for spark in self.sparks)

    @property
    def has_partitions(self) -> bool:
        """Whether sparks are told with their partitions: one alone, the first, needs no name."""
        return any(spark.partition for spark in self.sparks)

    @property
    def n_coils(self) -> int:
        """Number of receivers; 0 where it is not known."""
        return max((kspace.shape[0] for kspace in self.k_spaces), default=0)

    @property
    def sparks(self) -> tuple[Spark, ...]:
        """All sparks of the scan, in the order of the k-spaces."""
        return tuple(spark for kspace in self.k_spaces for spark in kspace.sparks)


def total(kspaces: Iterable[KSpaceReport]) -> Totals:
    """Add up."""
    kspaces = tuple(kspaces)
    points = [point for kspace in kspaces for point in kspace.points]
    # A Counter, as update adds the numbers that a dict would replace.
    seconds: Counter[str] = Counter()
    for kspace in kspaces:
        seconds.update(kspace.seconds)
    return Totals(
        k_spaces=len(kspaces),
        patches=sum(kspace.patches for kspace in kspaces),
        target_patches=sum(len(kspace.target_patches) for kspace in kspaces),
        sparks=sum(len(kspace.sparks) for kspace in kspaces),
        points=len(points),
        repaired=sum(point.method is not None for point in points),
        refused=sum(len(kspace.refusals) for kspace in kspaces),
        # In the order of their strength, as the first one is where the service engineer looks first.
        receivers=strongest_first(spark for kspace in kspaces for spark in kspace.sparks),
        receivers_repaired=tuple(sorted({receiver for point in points for receiver in point.receivers_repaired})),
        providers=tuple(sorted({kspace.provider for kspace in kspaces} - {""})),
        seconds=dict(seconds),
    )
