"""Repairs one image by way of its k-space, with the steps that a k-space from a scanner goes through."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.detection import open_detector
from gadgets.errors import RawDataError
from gadgets.failing_open import calibrate, detect
from gadgets.image import centred_fft, centred_inverse_fft
from gadgets.indices import Indices
from gadgets.kspace import KSpace
from gadgets.records import Calibration, Detection
from gadgets.repair import open_value_assignment
from gadgets.settings import CalibrationSettings, SparkDetectionSettings
from pipelines.files import Pixels
from pipelines.replay.images.magnitude_repair import NO_PHASE, NO_PHASE_IN_SHORT, in_pairs, where_it_is

logger = logging.getLogger(__name__)

# Of the image's k-space: all but the channel, which stands for a receiver.
AXES = (1, 2, 3)


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
