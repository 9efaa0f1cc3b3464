"""What was found and done in a scan: the records of all nodes, brought together per k-space."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from gadgets.errors import SettingsError
from gadgets.indices import Indices
from gadgets.records import Assembly, Calibration, Detection, Imaging, Point, Record, RepairedPoint, TargetPatch
from pipelines.replay.scan_output import ImageResult

logger = logging.getLogger(__name__)

RECORDS: Mapping[str, type[Record]] = {
    "acquisition_buffer": Assembly,
    "spark_detection": Detection,
    "calibration": Calibration,
    "image_fft": Imaging,
}


class PointReport(BaseModel):
    """One abnormal sample and what became of it; ``method`` is null where it was left as it was."""

    model_config = ConfigDict(frozen=True)

    scan_counter: int
    time_stamp: int
    partition: int
    line: int
    sample: int
    receivers: tuple[int, ...]
    probability: float
    magnitude_before: float | None = None
    magnitude_after: float | None = None
    method: str | None = None
    refusal: str = ""


class KSpaceReport(BaseModel):
    """One k-space: ``refusals`` are those of its points that were not repaired, for the reason given.

    ``image_probability`` is that of an artifact in its image, where the image was checked first.
    """

    indices: Indices
    readouts: int | None = None
    missing: int = 0
    patches: int = 0
    target_patches: tuple[TargetPatch, ...] = ()
    points: tuple[PointReport, ...] = ()
    refusals: tuple[PointReport, ...] = ()
    image_probability: float | None = None
    provider: str = ""
    image: int | None = None
    seconds: dict[str, float] = {}
    warnings: tuple[str, ...] = ()


class Totals(BaseModel):
    """The scan in numbers."""

    k_spaces: int = 0
    patches: int = 0
    target_patches: int = 0
    points: int = 0
    repaired: int = 0
    refused: int = 0
    receivers: tuple[int, ...] = ()
    providers: tuple[str, ...] = ()
    seconds: dict[str, float] = {}


class ScanReport(BaseModel):
    """The result of a scan for machines."""

    despark: str
    input: str
    group: str
    output: str
    pipeline: str
    settings: dict[str, dict[str, str]]
    returned: dict[str, int]
    seconds: float
    totals: Totals
    k_spaces: tuple[KSpaceReport, ...]


def read_records(path: Path, offset: int = 0) -> list[tuple[str, Record]]:
    """Read the JSON lines that nodes wrote to their ``report``, from a byte of the file on.

    Raises
    ------
    SettingsError
        The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            # A node's file may hold scans of many days.
            file.seek(offset)
            lines = file.read().splitlines()
    except OSError as error:
        raise SettingsError(f"{path}: the nodes' report cannot be read ({error.strerror})") from error
    records = []
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
            node = fields.pop("node")
            records.append((node, RECORDS[node].model_validate(fields)))
        except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
            # Somebody else may write to the file, or a disk was full: the scan itself is well.
            logger.warning("%s: line %d is no record of a node (%s)", path, number, type(error).__name__)
    return records


def merge(records: Iterable[tuple[str, Record]]) -> tuple[KSpaceReport, ...]:
    """Bring the records of all nodes together: the n-th of a node with certain indices belongs to the n-th k-space."""
    seen: Counter[tuple[str, str]] = Counter()
    merged: dict[tuple[str, int], dict[str, Any]] = {}
    for node, record in records:
        indices: Indices = record.indices  # type: ignore[attr-defined]
        # Counters may come again in a scan (several cells, repeated slices), so the n-th is counted, too.
        key = indices.model_dump_json()
        place = (key, seen[node, key])
        seen[node, key] += 1
        merged.setdefault(place, {"indices": indices})[node] = record
    return tuple(_kspace(found) for found in merged.values())


def _kspace(found: Mapping[str, Any]) -> KSpaceReport:
    assembly: Assembly | None = found.get("acquisition_buffer")
    detection: Detection | None = found.get("spark_detection")
    calibration: Calibration | None = found.get("calibration")
    imaging: Imaging | None = found.get("image_fft")
    repaired = list(calibration.points) if calibration is not None else []
    judged = {_place(entry.point) for entry in repaired}
    points = [_point(entry.point, entry) for entry in repaired]
    if detection is not None:
        # Found but unknown to calibration: it did not run, or failed on this k-space.
        points += [_point(point, None) for point in detection.points if _place(point) not in judged]
    records = {name: found[name] for name in RECORDS if name in found}
    return KSpaceReport(
        indices=found["indices"],
        readouts=assembly.readouts if assembly is not None else None,
        missing=assembly.missing if assembly is not None else 0,
        patches=detection.patches if detection is not None else 0,
        target_patches=detection.target_patches if detection is not None else (),
        points=tuple(points),
        refusals=tuple(point for point in points if point.refusal),
        image_probability=detection.image_probability if detection is not None else None,
        provider=detection.provider if detection is not None else "",
        image=imaging.image if imaging is not None else None,
        seconds={name: record.seconds for name, record in records.items()},
        warnings=tuple(f"{name}: {record.warning}" for name, record in records.items() if record.warning),
    )


def _place(point: Point) -> tuple[int, int, int]:
    return point.partition, point.line, point.sample


def _point(point: Point, repaired: RepairedPoint | None) -> PointReport:
    outcome = {} if repaired is None else repaired.model_dump(exclude={"point"})
    return PointReport(**point.model_dump(), **outcome)


def from_images(images: Iterable[ImageResult]) -> tuple[tuple[KSpaceReport, ...], Totals]:
    """Tell what images' meta data tell of a scan that ran elsewhere: numbers, not places."""
    kspaces, totals = [], Totals()
    counts: Counter[str] = Counter()
    receivers: set[int] = set()
    providers: set[str] = set()
    for image in images:
        warning = image.meta.get("despark_warnings", "")
        provider = image.meta.get("despark_provider", "")
        providers |= {provider} - {""}
        receivers |= {int(number) for number in image.meta.get("despark_receivers_hit", "").split() if number.isdigit()}
        for name in ("points_found", "target_patches", "patches", "points_repaired", "points_refused"):
            value = image.meta.get(f"despark_{name}", "0")
            counts[name] += int(value) if value.isdigit() else 0
        kspaces.append(KSpaceReport(indices=image.indices, provider=provider, warnings=(warning,) if warning else ()))
    totals = Totals(
        k_spaces=len(kspaces),
        patches=counts["patches"],
        target_patches=counts["target_patches"],
        points=counts["points_found"],
        repaired=counts["points_repaired"],
        refused=counts["points_refused"],
        receivers=tuple(sorted(receivers)),
        providers=tuple(sorted(providers)),
    )
    return tuple(kspaces), totals


def total(kspaces: Iterable[KSpaceReport]) -> Totals:
    """Add up."""
    kspaces = tuple(kspaces)
    points = [point for kspace in kspaces for point in kspace.points]
    seconds: Counter[str] = Counter()
    for kspace in kspaces:
        seconds.update(kspace.seconds)
    return Totals(
        k_spaces=len(kspaces),
        patches=sum(kspace.patches for kspace in kspaces),
        target_patches=sum(len(kspace.target_patches) for kspace in kspaces),
        points=len(points),
        repaired=sum(point.method is not None for point in points),
        refused=sum(len(kspace.refusals) for kspace in kspaces),
        receivers=tuple(sorted({receiver for point in points for receiver in point.receivers})),
        providers=tuple(sorted({kspace.provider for kspace in kspaces} - {""})),
        seconds=dict(seconds),
    )
