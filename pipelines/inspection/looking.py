"""Looking at a raw file: what is in it, and what a repair would do, with nothing written.

The data go through the very stage that is the node ``raw_repair``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from gadgets.detection import LooksForSparks, for_one_scan, open_detector
from gadgets.drop_in import RawRepairer
from gadgets.errors import RawDataError
from gadgets.findings import counted, sparks_of
from gadgets.judged import JudgedKSpace
from gadgets.process import one_blas_thread
from gadgets.records import Record
from gadgets.settings import RawRepairSettings, validate
from gadgets.wire import Acquisition, encodings_of, facts_of
from pipelines.files import RawFile
from pipelines.inspection.inspection import Asked, Inspection, OnStep, report_of
from pipelines.inspection.known_sparks import KnownSparks
from pipelines.inspection.pictures import Gallery, KSpacePictures, pictures_of
from pipelines.replay import ScanReport, record_scan


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
    report = report_of(Asked(path, group, properties), records, facts, time.perf_counter() - started, seen_before)
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
        if judged.kspace is not None and gallery.wants(sparks):
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
