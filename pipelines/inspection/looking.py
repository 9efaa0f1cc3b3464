"""Looking at a file: what is in it, and what a repair would do, with nothing written.

Raw data go through the very stage that is the node ``raw_repair``, images through that of ``despark image``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gadgets.detection import LooksForSparks, for_one_scan, open_detector
from gadgets.drop_in import RawRepairer
from gadgets.errors import RawDataError
from gadgets.findings import ScanFacts, counted, sparks_of
from gadgets.judged import JudgedKSpace
from gadgets.process import one_blas_thread
from gadgets.records import Record
from gadgets.settings import RawRepairSettings, validate
from gadgets.wire import Acquisition, encodings_of, facts_of
from pipelines.files import ImageFile, Pixels, RawFile, open_images, readable
from pipelines.inspection.known_sparks import KnownSparks
from pipelines.inspection.pictures import Gallery, KSpacePictures, pictures_of
from pipelines.replay import (
    LOOK,
    ImageRepairer,
    ScanReport,
    doubt_of,
    in_words,
    kspace_of_image,
    merge,
    record_scan,
    total,
)
from pipelines.version import despark_version

OnStep = Callable[[int, int], None]
"""Called with how many readouts, or images, of how many were looked at."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was seen in a file: the report, and pictures of the k-spaces with the strongest sparks."""

    report: ScanReport
    pictures: tuple[KSpacePictures, ...]


def inspect_raw(path: Path, properties: Mapping[str, str], on_step: OnStep, group: str = "dataset") -> Inspection:
    """Look at a raw file.

    Parameters
    ----------
    path, group
        The file, and its group with the raw data.
    properties
        Settings by ``NODE.PROPERTY``.
    on_step
        Is told how far it is.

    Raises
    ------
    DesparkError
        The file, the settings or the models are at fault; or the file holds no imaging data.
    """
    # As despark replay takes them for this node.
    own = {name.removeprefix("raw_repair."): value for name, value in properties.items()}
    settings = validate(own, RawRepairSettings, "inspect")
    started = time.perf_counter()
    with one_blas_thread(), RawFile(path, group) as raw:
        # With the memory that the node has: a series is judged as in a scan.
        detector = for_one_scan(open_detector(settings.spark_detection), settings.spark_detection)
        records, pictures = _look(raw, settings, detector, on_step)
        facts, seen_before = facts_of(raw.header), raw.made_by or _marked(raw, settings.mark_user_int)
    report = _report_of(path, group, properties, records, facts, time.perf_counter() - started, seen_before)
    if not report.k_spaces:
        raise RawDataError(f"{path}: group {group!r} holds no imaging readouts")
    record_scan(report, settings.calibration)
    return Inspection(report, pictures)


def look_again(report: ScanReport, on_step: OnStep) -> Inspection:
    """Look at the raw file of a scan whose sparks are known, for pictures of them: nothing is searched for again.

    Raises
    ------
    DesparkError
        The file cannot be read any more.
    """
    own = {f"calibration.{name}": value for name, value in report.settings.get("calibration", {}).items()}
    joined = {name: value for name, value in report.settings.get("raw_repair", {}).items() if "calibration." in name}
    # A report of the first look must not have all of it once more at its end.
    without_report = {name: value for name, value in {**own, **joined}.items() if not name.endswith("report")}
    settings = validate(without_report, RawRepairSettings, "calibration")
    with one_blas_thread(), RawFile(Path(report.input), report.group) as raw:
        _, pictures = _look(raw, settings, KnownSparks(report), on_step)
    return Inspection(report, pictures)


def inspect_images(
    path: Path, properties: Mapping[str, str], on_step: OnStep, group: str = "images", *, is_volume: bool = False
) -> Inspection:
    """Look at the k-space of images; parameters as in :func:`inspect_raw`.

    Raises
    ------
    DesparkError
        The file, the settings or the models are at fault; or the file holds no images.
    """
    settings = validate(properties, RawRepairSettings, "inspect")
    started = time.perf_counter()
    repairer = ImageRepairer(settings.spark_detection, settings.calibration)
    file = open_images(path, group, is_volume=is_volume)
    if not file.images:
        left = "".join(f"expected images that have a k-space, found none ({each})" for each in file.notices[:1])
        raise RawDataError(f"{path}: {left or f'group {group!r} holds no images'}")
    gallery, records = Gallery(), list[tuple[str, Record]]()
    for number, image in enumerate(file.images):
        repaired, detection, calibration = repairer.repair(image, number)
        records += [("spark_detection", detection), ("calibration", calibration)]
        sparks = sparks_of(detection, calibration)
        if gallery.wants(sparks):
            kspace = kspace_of_image(image, number)
            before, after = _magnitude(image), _magnitude(image if repaired is None else repaired)
            magnitude = np.abs(kspace.data[:, kspace.centre[0]]).max(axis=0)
            middle = len(before) // 2
            gallery.add(KSpacePictures(kspace.indices, sparks, before[middle], after[middle], magnitude))
        on_step(number + 1, len(file.images))
    seconds, doubt = time.perf_counter() - started, doubt_of(file.images)
    report = _report_of(path, group, properties, records, ScanFacts(), seconds, _of_one(file), doubt, "image")
    record_scan(report, settings.calibration)
    return Inspection(report, gallery.pictures)


def _look(
    raw: RawFile, settings: RawRepairSettings, detector: LooksForSparks, on_step: OnStep
) -> tuple[list[tuple[str, Record]], tuple[KSpacePictures, ...]]:
    """Give the records of all k-spaces under the names of the nodes, and pictures."""
    encodings = encodings_of(raw.header)
    gallery, records = Gallery(), list[tuple[str, Record]]()

    def note(judged: JudgedKSpace) -> None:
        records.append(("acquisition_buffer", judged.assembly))
        records.append(("spark_detection", judged.detection))
        records.append(("calibration", judged.calibration))
        sparks = sparks_of(judged.detection, judged.calibration)
        if gallery.wants(sparks):
            encoding = encodings[judged.kspace.indices.encoding]
            gallery.add(pictures_of(judged.kspace, judged.repaired, encoding, sparks))

    # Nothing is written, but the repair is done only as far as somebody asks for what it gives.
    for _ in RawRepairer(settings, encodings, detector, note).repair(_acquisitions(raw, on_step)):
        pass
    return records, gallery.pictures


def _marked(raw: RawFile, mark: int | None) -> str:
    """Say whether despark has marked readouts that it changed, where it was told to: see ``mark_user_int``."""
    n_marked = 0 if mark is None else sum(int((rows["user_int"][:, mark] > 0).sum()) for rows in raw.headers())
    return f"{counted(n_marked, 'readout')} marked as repaired in user_int[{mark}]" if n_marked else ""


def _acquisitions(raw: RawFile, on_step: OnStep) -> Iterator[Acquisition]:
    for number, item in enumerate(raw.acquisitions(), 1):
        # As if it had come on the wire, so that a file and a scan are judged by the same code.
        yield Acquisition(item.header, item.trajectory.tobytes(), item.data.tobytes())
        on_step(number, raw.n_acquisitions)


def _of_one(file: ImageFile) -> str:
    """Say what despark did to images before, as one of them tells it."""
    return f"{file.made_by} (as one of its images says)" if file.made_by and len(file.images) > 1 else file.made_by


def _report_of(
    path: Path,
    group: str,
    properties: Mapping[str, str],
    records: list[tuple[str, Record]],
    facts: ScanFacts,
    seconds: float,
    seen_before: str,
    doubt: str = "",
    noun: str = "",
) -> ScanReport:
    kspaces = merge(records)
    return ScanReport(
        despark=despark_version(),
        input=readable(path),
        group=group,
        output="",
        pipeline=LOOK,
        settings={"inspect": dict(properties)} if properties else {},
        returned={},
        seconds=seconds,
        seen_before=seen_before,
        totals=total(kspaces),
        **in_words(kspaces, facts, doubt, is_look=True, noun=noun),
    )


def _magnitude(image: Pixels) -> Pixels:
    """Root of the sum of squares over the channels, shape ``(z, y, x)``."""
    # Squares of what a file holds may be beyond its precision.
    return np.asarray(np.hypot.reduce(np.abs(image), axis=0))
