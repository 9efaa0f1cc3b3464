"""What is shown of a k-space: its image before and after the repair, and its samples."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.errors import RawDataError
from gadgets.findings import Spark
from gadgets.image import before_and_after
from gadgets.indices import Indices, describe
from gadgets.kspace import Encoding, KSpace, without_non_finite
from gadgets.patches import in_standard_values

logger = logging.getLogger(__name__)

MOST_PICTURES = 6
"""K-spaces that are shown, those with the strongest sparks."""

WHITE = 0.995
"""Quantile of the repaired image that is shown as white: a rim of fat may saturate."""

LOUDEST = 0.98
"""Quantile of the difference that is shown at full brightness, where it is more than nothing."""


@dataclass(frozen=True, eq=False)
class KSpacePictures:
    """What is shown of one k-space.

    Attributes
    ----------
    indices
        Which k-space it is.
    sparks
        Its sparks.
    before, after
        Magnitude images of one slice, shape ``(y, x)``; None where no transform makes an image of the samples, or there
        is no memory for it.
    kspace
        Magnitude of the samples as they were recorded, the largest over the receivers, shape ``(line, sample)``.
    partition, depth
        Which partition `kspace` shows, and which slice of a volume the images show.
    standard_values
        Magnitude of the strongest spark in standard values (row 6 of METHOD.md); 0 where it is not known.
    """

    indices: Indices
    sparks: tuple[Spark, ...]
    before: FloatArray | None
    after: FloatArray | None
    kspace: FloatArray
    partition: int = 0
    depth: int = 0
    standard_values: float = 0.0

    @property
    def strongest(self) -> Spark | None:
        """Its strongest spark."""
        return max(self.sparks, key=lambda spark: spark.strength, default=None)

    @property
    def strength(self) -> float:
        """That of its strongest spark; -1 where there is none."""
        return max((spark.strength for spark in self.sparks), default=-1.0)

    @property
    def white(self) -> float:
        """Brightness that is shown as white, in both images."""
        return _quantile(self.after, WHITE)

    @property
    def gain(self) -> float:
        """How much brighter the difference is shown than the images are: 1, 2, 5, 10 and so on."""
        if self.before is None or self.after is None:
            return 1.0
        loudest = _quantile(np.abs(self.before - self.after), LOUDEST)
        if loudest <= 0 or self.white <= 0:
            return 1.0
        # Round factors, by which two pages can be compared.
        steps = [step * 10.0**power for power in range(5) for step in (1, 2, 5)]
        return max([step for step in steps if step * loudest <= self.white], default=1.0)


def pictures_of(
    kspace: KSpace, repaired: ComplexArray | None, encoding: Encoding, sparks: Iterable[Spark]
) -> KSpacePictures:
    """Make the pictures of a k-space.

    Parameters
    ----------
    kspace
        As acquired.
    repaired
        Its samples after the repair; None where none was changed.
    encoding
        Its matrices.
    sparks
        What was found in it.
    """
    sparks = tuple(sparks)
    acquired, _ = without_non_finite(kspace)
    strongest = max(sparks, key=lambda spark: spark.strength, default=None)
    partition = kspace.centre[0] if strongest is None else strongest.partition
    magnitude = np.abs(acquired.data[:, partition]).max(axis=0)
    standard_values = 0.0
    if strongest is not None:
        place = (partition, strongest.line, strongest.samples[len(strongest.samples) // 2])
        standard_values = in_standard_values(acquired, place)
    without_images = KSpacePictures(kspace.indices, sparks, None, None, magnitude, partition)
    if not kspace.is_gridded:
        return without_images
    try:
        before, after, depth = before_and_after(kspace, repaired, encoding)
    except (RawDataError, MemoryError) as error:
        # What was found holds without a picture of it.
        logger.warning("no image is shown (%s): %s", describe(kspace.indices), str(error) or "no memory")
        return without_images
    return KSpacePictures(kspace.indices, sparks, before, after, magnitude, partition, depth, standard_values)


def scaled_kspace(magnitude: FloatArray) -> FloatArray:
    """Scale magnitudes to 0 … 1 by their logarithm, from the noise to the loudest sample."""
    there = magnitude[magnitude > 0]
    if not there.size:
        return np.zeros_like(magnitude)
    low, high = np.log10(np.quantile(there, (0.05, 1.0)))
    # Zeros, as of lines that were left out, have no logarithm, and look like noise.
    logarithm = np.log10(np.maximum(magnitude, 10**low))
    return np.asarray((logarithm - low) / max(high - low, 1e-6))


class Gallery:
    """Keeps the pictures of the k-spaces with the strongest sparks; of a clean scan, those of the first.

    Parameters
    ----------
    most
        How many are kept.
    """

    def __init__(self, most: int = MOST_PICTURES) -> None:
        self._most = most
        self._kept: list[KSpacePictures] = []

    def wants(self, sparks: Iterable[Spark]) -> bool:
        """Tell whether pictures of a k-space with such sparks would be kept: making them takes time."""
        strength = max((spark.strength for spark in sparks), default=-1.0)
        return len(self._kept) < (self._most if strength >= 0 else 1) or strength > self._weakest.strength

    def add(self, pictures: KSpacePictures) -> None:
        """Keep pictures, in place of the weakest if there are too many."""
        self._kept.append(pictures)
        # One clean k-space is shown of a clean scan, and none beside sparks.
        if any(each.sparks for each in self._kept):
            self._kept = [each for each in self._kept if each.sparks]
        if len(self._kept) > self._most:
            self._kept.remove(self._weakest)

    @property
    def pictures(self) -> tuple[KSpacePictures, ...]:
        """What was kept, in the order of the scan."""
        return tuple(self._kept)

    @property
    def _weakest(self) -> KSpacePictures:
        return min(self._kept, key=lambda pictures: pictures.strength)


def _quantile(values: FloatArray | None, share: float) -> float:
    return float(np.quantile(values, share)) if values is not None and values.size else 0.0
