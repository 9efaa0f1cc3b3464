"""Looking at a file of images, through the very stage of ``despark image``, with nothing written."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gadgets.errors import RawDataError
from gadgets.findings import ScanFacts, sparks_of
from gadgets.records import Record
from gadgets.settings import RawRepairSettings, validate
from pipelines.files import ImageFile, Pixels, open_images
from pipelines.inspection.inspection import Asked, Inspection, OnStep, report_of
from pipelines.inspection.pictures import Gallery, KSpacePictures
from pipelines.replay import ImageRepairer, doubt_of, kspace_of_image, record_scan


def inspect_images(
    path: Path, properties: Mapping[str, str], on_step: OnStep, group: str = "images", *, is_volume: bool = False
) -> Inspection:
    """Look at the k-space of images; parameters as in :func:`~pipelines.inspection.looking.inspect_raw`.

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
    report = report_of(Asked(path, group, properties), records, ScanFacts(), seconds, _of_one(file), doubt, "image")
    record_scan(report, settings.calibration)
    return Inspection(report, gallery.pictures)


def _of_one(file: ImageFile) -> str:
    """Say what despark did to images before, as one of them tells it."""
    return f"{file.made_by} (as one of its images says)" if file.made_by and len(file.images) > 1 else file.made_by


def _magnitude(image: Pixels) -> Pixels:
    """Root of the sum of squares over the channels, shape ``(z, y, x)``."""
    # Squares of what a file holds may be beyond its precision.
    return np.asarray(np.hypot.reduce(np.abs(image), axis=0))
