"""Repairs images of which there are no raw data: their k-space is made, calibrated and transformed back.

Source document: the imaging data may be obtained by Fourier transforming an image.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from gadgets.errors import RawDataError, SettingsError
from gadgets.findings import ScanFacts
from gadgets.records import Calibration, Detection
from gadgets.settings import CalibrationSettings, SparkDetectionSettings, did_you_mean, validate
from pipelines.files import (
    ImageFile,
    Pixels,
    check_folder,
    check_new_folder,
    check_same_kind,
    open_images,
    readable,
    same_file,
    whole_or_nothing,
)
from pipelines.replay.gathered import in_words, merge
from pipelines.replay.images.image_repairer import ImageRepairer, doubt_of
from pipelines.replay.recording import record_scan
from pipelines.replay.scan_report import ScanReport, total
from pipelines.version import despark_version

STAGES = ("spark_detection", "calibration")

Told: TypeAlias = tuple[str, Detection | Calibration]
"""The name of a stage, and its record of one image."""


@dataclass(frozen=True)
class ImageRepair:
    """What to repair: see ``despark image --help``."""

    source: Path
    output: Path
    properties: Mapping[str, str] = field(default_factory=dict)
    group: str = "images"
    is_volume: bool = False
    on_image: Callable[[int, int], None] = field(default=lambda _done, _total: None)
    """Called with the number of images done and their total."""

    on_notice: Callable[[str], None] = field(default=lambda _: None)
    """Called with what the user should know and need not act upon."""

    def run(self) -> ScanReport:
        """Repair the images; the output exists when this returns, and is complete.

        Raises
        ------
        DesparkError
            The input, the settings or the models are at fault; nothing is left of the output then.
        """
        started = time.perf_counter()
        is_folder = self.source.is_dir()
        (check_new_folder if is_folder else check_folder)(self.output)
        # The file and not its name: through a link the input would be replaced all the same.
        if same_file(self.output, self.source):
            raise RawDataError(f"{self.output}: the output would overwrite the input")
        found = _properties_by_stage(self.properties)
        looking = validate(found["spark_detection"], SparkDetectionSettings, "spark_detection")
        calibrating = validate(found["calibration"], CalibrationSettings, "calibration")
        # Settings first: a fault in them shows before a large file is read.
        file = self._images()
        repaired, records = self._repair(file.images, ImageRepairer(looking, calibrating))
        with whole_or_nothing(self.output, is_folder=is_folder) as temporary:
            n_clipped = file.write(temporary, repaired, _comments(records))
            # While the output has its temporary name: nothing is left of it where the input was replaced meanwhile.
            file.check_unchanged()
        for notice in (*file.notices, *([_of_clipped(n_clipped)] if n_clipped else [])):
            self.on_notice(notice)
        kspaces = merge(records)
        report = ScanReport(
            despark=despark_version(),
            input=readable(self.source),
            group=self.group,
            output=readable(self.output),
            pipeline="image",
            settings={stage: dict(properties) for stage, properties in found.items()},
            returned={"images": len(file.images), "images changed": len(repaired)},
            seconds=time.perf_counter() - started,
            totals=total(kspaces),
            **in_words(kspaces, ScanFacts(), doubt_of(file.images), noun="image"),
        )
        record_scan(report, calibrating)
        return report

    def _repair(self, images: Sequence[Pixels], repairer: ImageRepairer) -> tuple[dict[int, Pixels], list[Told]]:
        """Give the images that were changed by their numbers, and what is told of all."""
        repaired: dict[int, Pixels] = {}
        records: list[Told] = []
        for number, image in enumerate(images):
            pixels, detection, calibration = repairer.repair(image, number)
            if pixels is not None:
                repaired[number] = pixels
            records += [("spark_detection", detection), ("calibration", calibration)]
            self.on_image(number + 1, len(images))
        return repaired, records

    def _images(self) -> ImageFile:
        """Read the images, some of which can be repaired and written again."""
        file = open_images(self.source, self.group, is_volume=self.is_volume)
        check_same_kind(self.output, self.source, file.kind)
        if not file.images:
            why = f" ({file.notices[0]})" if file.notices else ""
            raise RawDataError(f"{self.source}: expected images that have a k-space, found none{why}")
        if not any(np.isfinite(image).all() for image in file.images):
            raise RawDataError(f"{self.source}: expected images of finite pixels, found NaN or infinite ones in all")
        return file


def _properties_by_stage(properties: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Sort ``NODE.PROPERTY`` by node."""
    by_stage: dict[str, dict[str, str]] = {stage: {} for stage in STAGES}
    for name, value in properties.items():
        stage, _, own = name.partition(".")
        if stage not in by_stage:
            meant = did_you_mean(stage, STAGES)
            raise SettingsError(f"--set: an image goes through {' and '.join(STAGES)}, found {name!r}{meant}")
        by_stage[stage][own] = value
    return by_stage


def _comments(records: Iterable[Told]) -> dict[int, str]:
    """Say by the number of each image what was repaired; the repetition is that number, see kspace_of_image."""
    repairs = [record for _, record in records if isinstance(record, Calibration)]
    return {
        each.indices.repetition: f"despark: image {each.indices.repetition}: {each.n_repaired} abnormal points of its "
        "k-space repaired"
        for each in repairs
    }


def _of_clipped(n_clipped: int) -> str:
    return f"{n_clipped} pixels went beyond what the file's type can hold, and have its largest or smallest value"
