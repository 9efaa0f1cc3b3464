"""Gathers what the nodes of a chain tell of a scan, k-space by k-space, and says it in words."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gadgets.errors import SettingsError
from gadgets.findings import Extent, Findings, ScanFacts, counted, sparks_of
from gadgets.indices import Indices
from gadgets.records import Assembly, Calibration, Detection, Imaging, Point, Record, RepairedPoint
from onnx_models.reading import open_regular
from pipelines.replay.scan_report import KSpaceReport, PointReport

logger = logging.getLogger(__name__)


RECORDS: Mapping[str, type[Record]] = {
    "acquisition_buffer": Assembly,
    "spark_detection": Detection,
    "calibration": Calibration,
    "image_fft": Imaging,
}


OF_THE_LINE = ("date", "scan", "client", "protocol")
"""What a line says beside its record; those of older versions have less of it."""


def read_records(path: Path, offset: int = 0) -> list[tuple[str, Record]]:
    """Read the JSON lines that nodes wrote to their ``report``, from a byte of the file on.

    Raises
    ------
    SettingsError
        The file cannot be read.
    """
    try:
        with open_regular(path) as file:
            # A node's file may hold scans of many days.
            file.seek(offset)
            # As bytes: a line that is no UTF-8 is then one bad line, and not the end of all.
            lines = file.read().splitlines()
    except OSError as error:
        raise SettingsError(f"{path}: the nodes' report cannot be read ({error.strerror})") from error
    records = []
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
            node = fields.pop("node")
            for name in OF_THE_LINE:
                fields.pop(name, None)
            records.append((node, RECORDS[node].model_validate(fields)))
        except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
            # Somebody else may write to the file, or a disk was full: the scan itself is well.
            logger.warning("%s: line %d is no record of a node (%s)", path.name, number, type(error).__name__)
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
        shape=detection.shape if detection is not None else (0, 0, 0, 0),
        centre=detection.centre if detection is not None else (0, 0, 0),
        moments=detection.moments if detection is not None else (0, 0),
        sparks=sparks_of(detection, calibration) if detection is not None else (),
        readouts=assembly.readouts if assembly is not None else None,
        missing=assembly.missing if assembly is not None else 0,
        patches=detection.patches if detection is not None else 0,
        target_patches=detection.target_patches if detection is not None else (),
        points=tuple(points),
        refusals=tuple(point for point in points if point.refusal),
        image_probability=detection.image_probability if detection is not None else None,
        thresholds=detection.thresholds if detection is not None else {},
        thresholds_from=detection.thresholds_from if detection is not None else "",
        models=detection.models if detection is not None else (),
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


def in_words(
    kspaces: Iterable[KSpaceReport],
    facts: ScanFacts,
    doubt: str = "",
    n_found: int = 0,
    *,
    is_look: bool = False,
    noun: str = "",
) -> dict[str, Any]:
    """Give the parts of a :class:`~pipelines.replay.scan_report.ScanReport` that say in words what was found.

    Parameters
    ----------
    kspaces
        All of a scan; what is given has the times of their sparks.
    facts
        What the header says.
    doubt
        Why sparks may be there where none was found.
    n_found
        Sparks that were counted elsewhere; there may be more of them than are told of one by one.
    is_look
        Nothing was repaired: told is what a repair would do.
    noun
        What a k-space of this scan is called; found by what tells them apart where nothing is said.
    """
    kspaces = tuple(kspaces)
    findings = Findings(facts, is_look=is_look, noun=noun)
    for kspace in kspaces:
        extent = Extent(kspace.shape, kspace.centre)
        findings.note(kspace.indices, extent, kspace.moments, kspace.sparks, is_judged=kspace.is_judged)
    timed = iter(findings.sparks)
    return {
        "verdict": _verdict(findings, doubt, n_found - len(findings.sparks)),
        "doubt": doubt,
        "noun": noun,
        "patterns": findings.patterns,
        "scan": facts,
        "moments": findings.moments,
        "k_spaces": tuple(
            kspace.model_copy(update={"sparks": tuple(islice(timed, len(kspace.sparks)))}) for kspace in kspaces
        ),
    }


def _verdict(findings: Findings, doubt: str, n_untold: int) -> str:
    if n_untold > 0:
        untold = counted(n_untold, "spark")
        # Never "No sparks." where somebody counted some.
        return f"{findings.verdict[:-1]}; and {untold} more." if findings.sparks else f"{untold}, places unknown here."
    return f"No sparks were seen: {doubt}." if doubt and not findings.sparks else findings.verdict
