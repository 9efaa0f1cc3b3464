"""Repairs images of which there are no raw data: their k-space is made, calibrated and transformed back.

Source document: the imaging data may be obtained by Fourier transforming an image.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.detection import open_detector
from gadgets.errors import RawDataError, SettingsError
from gadgets.failing_open import calibrate, detect
from gadgets.findings import ScanFacts
from gadgets.image import centred_fft, centred_inverse_fft
from gadgets.indices import Indices
from gadgets.kspace import KSpace
from gadgets.records import Calibration, Detection
from gadgets.repair import open_value_assignment
from gadgets.settings import CalibrationSettings, SparkDetectionSettings, did_you_mean, validate
from pipelines.files import (
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
from pipelines.replay.magnitude_repair import NO_PHASE, NO_PHASE_IN_SHORT, in_pairs, where_it_is
from pipelines.replay.recording import record_scan
from pipelines.replay.scan_report import ScanReport, total
from pipelines.version import despark_version

logger = logging.getLogger(__name__)

# Of the image's k-space: all but the channel, which stands for a receiver.
AXES = (1, 2, 3)
STAGES = ("spark_detection", "calibration")


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
        if same_file(self.output, self.source):
            raise RawDataError(f"{self.output}: the output would overwrite the input")
        found = _properties_by_stage(self.properties)
        looking = validate(found["spark_detection"], SparkDetectionSettings, "spark_detection")
        calibrating = validate(found["calibration"], CalibrationSettings, "calibration")
        # Settings first: a fault in them shows before a large file is read.
        file = open_images(self.source, self.group, is_volume=self.is_volume)
        check_same_kind(self.output, self.source, file.kind)
        if not file.images:
            raise RawDataError(f"{self.source}: expected images that have a k-space, found none")
        if not any(np.isfinite(image).all() for image in file.images):
            raise RawDataError(f"{self.source}: expected images of finite pixels, found NaN or infinite ones in all")
        repairer = ImageRepairer(looking, calibrating)
        repaired: dict[int, Pixels] = {}
        records: list[tuple[str, Detection | Calibration]] = []
        for number, image in enumerate(file.images):
            pixels, detection, calibration = repairer.repair(image, number)
            if pixels is not None:
                repaired[number] = pixels
            records += [("spark_detection", detection), ("calibration", calibration)]
            self.on_image(number + 1, len(file.images))
        # The repetition is the number of the image, see kspace_of_image.
        comments = {
            record.indices.repetition: _comment(record) for _, record in records if isinstance(record, Calibration)
        }
        with whole_or_nothing(self.output, is_folder=is_folder) as temporary:
            n_clipped = file.write(temporary, repaired, comments)
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


class ImageRepairer:
    """Repairs images one by one, with models opened once.

    Parameters
    ----------
    looking, calibrating
        Settings as of the nodes ``spark_detection`` and ``calibration``.
    """

    def __init__(self, looking: SparkDetectionSettings, calibrating: CalibrationSettings) -> None:
        self._looking, self._calibrating = looking, calibrating
        self._detector = open_detector(looking)
        self._assignment = open_value_assignment(calibrating)

    def repair(self, image: Pixels, number: int = 0) -> tuple[Pixels | None, Detection, Calibration]:
        """Repair one image by way of its k-space.

        - transform it with the centred orthonormal FFT,
        - detect and calibrate as for a k-space that was acquired; of a real image, only what stands on both sides of
          the centre, as everything in its k-space does,
        - transform what the calibration changed back, and add it to the image, to a real one where it shows there.

        Parameters
        ----------
        image
            Shape ``(channel, z, y, x)``, real or complex; `number` tells it from the others.

        Returns
        -------
            The repaired image, None where nothing was found or repaired; a magnitude stays one. And the records.
        """
        try:
            kspace = kspace_of_image(image, number)
        except RawDataError as error:
            if self._looking.on_failure == "fail":
                raise
            # One bad image must not cost the others of its series.
            logger.warning("passed on unjudged: %s", error)
            indices = Indices(repetition=number)
            detection = Detection(indices=indices, warning=f"passed on unjudged: {error}")
            return None, detection, Calibration(indices=indices)
        detection = detect(kspace, self._detector, self._looking.on_failure)
        is_complex = np.iscomplexobj(image)
        if not is_complex:
            warning = "; ".join(filter(None, [detection.warning, NO_PHASE]))
            detection = detection.model_copy(update={"points": in_pairs(detection.points, kspace), "warning": warning})
        # A whole patch does not stand on both sides of the centre, as all in the k-space of a real image does.
        patches = detection.target_patches if is_complex else ()
        data, calibration = calibrate(kspace, detection.points, self._calibrating, self._assignment, patches)
        # Nothing was changed: the image is not even transformed back, and stays bit for bit.
        if data is None:
            return None, detection, calibration
        # Only the difference goes through the transform: what was not changed is not rounded either.
        change = centred_inverse_fft(data - kspace.data, AXES)
        if is_complex:
            return image + change, detection, calibration
        magnitude = image.astype(np.float64)
        repaired = magnitude + where_it_is(change.real.astype(np.float64), magnitude)
        # A magnitude is never negative; real images with both signs stay as they come out.
        return np.maximum(repaired, 0) if image.min() >= 0 else repaired, detection, calibration


def doubt_of(images: Iterable[Pixels]) -> str:
    """Say why sparks may be there where none was found in images; empty where all of them have their phase."""
    return "" if all(np.iscomplexobj(image) for image in images) else NO_PHASE_IN_SHORT


def kspace_of_image(image: Pixels, number: int = 0) -> KSpace:
    """Make the k-space of an image, all of it sampled, its centre at half of each axis.

    Parameters
    ----------
    image
        Shape ``(channel, z, y, x)``; a channel stands for a receiver.
    number
        Becomes the repetition, which tells the images of a file from each other.

    Raises
    ------
    RawDataError
        Pixels are NaN or infinite: no sample of their k-space is known.
    """
    if not np.isfinite(image).all():
        raise RawDataError(f"image {number}: expected finite pixels, found NaN or infinite ones")
    # Single precision, as the samples of a receiver have it.
    data: ComplexArray = centred_fft(image.astype(np.complex64), AXES)
    shape = data.shape[1:]
    none = np.zeros(shape[:2], dtype=np.int_)
    centre = (shape[0] // 2, shape[1] // 2, shape[2] // 2)
    sampled = np.ones(shape, dtype=bool)
    return KSpace(data, sampled, Indices(repetition=number), none, none, none.astype(bool), centre)


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


def _comment(calibration: Calibration) -> str:
    where = f"image {calibration.indices.repetition + 1}"
    return f"despark: {where}: {calibration.n_repaired} abnormal points of its k-space repaired"


def _of_clipped(n_clipped: int) -> str:
    return f"{n_clipped} pixels went beyond what the file's type can hold, and have its largest or smallest value"
