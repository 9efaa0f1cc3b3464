"""Evidence for sparks: maps in which a sample that does not belong to its surroundings stands out.

One plane at a time, all receivers together. A *plane* is one partition with its acquired readouts stacked in
the order of their phase-encoding lines, shape ``(coil, line, sample)``; lines that were not acquired leave no gap.
The maps are the same for any global phase, and for any global scale within single precision. Their cost grows more
slowly than the number of receivers, because the sources of the prediction are compressed to a few virtual ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.background import innovation_of
from gadgets.evidence.levels import level_of, loudest_place, radii, root_mean_square
from gadgets.evidence.neighbours import predict
from gadgets.evidence.obvious import obvious_samples
from gadgets.evidence.whitening import whitened_energy
from gadgets.local_statistics import local_maximum, local_median, power, quantile

CHANNELS = (
    "innovation",
    "innovation_local",
    "innovation_whitened",
    "innovation_single",
    "residual",
    "residual_whitened",
    "raw_whitened",
    "magnitude",
    "level",
    "mirror",
    "radius",
    "receivers",
)
"""Names of the maps, in the order of the first axis of :attr:`Evidence.maps`."""

N_STRIKING = CHANNELS.index("level")
"""The first maps tell how much a sample stands out, the others where it is and among what."""

RADIUS_SCALE = 2.0  # times the radius in its map: models were trained with it


LARGEST = 10.0
"""Maps are cut off here: what stands out e^10 times stands out."""

SMALLEST = 0.05
"""Added to what is put on a logarithmic scale: how far below the usual a sample is does not matter."""

SMALLEST_PEAK, LARGEST_PEAK = 1e-6, 1e12
"""Largest magnitudes between which a plane needs no other units."""

ENOUGH = 1 << 14
"""Samples of a receiver whose median tells what is usual in it."""


EVIDENCE_SET = "evidence-1"
"""Goes into the manifest of every model: a model reads only the maps that it was trained on."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The maps of one plane.

    Attributes
    ----------
    maps
        Shape ``(channel, line, sample)``, float32, see :data:`CHANNELS`; about zero for an ordinary sample.
    level
        Local magnitude over all receivers (root mean square), shape ``(line, sample)``.
    noise
        The plane's noise level in the same units.
    judged
        Samples that can be judged at all: acquired, finite and among others, shape ``(line, sample)``.
    centre
        The place with the loudest surroundings: line and sample.
    obvious
        Samples that all others were looked at without, shape ``(line, sample)``.
    contrast
        How much darker the image's background is than its object, without the obvious samples.
    """

    maps: NDArray[np.float32]
    level: FloatArray
    noise: float
    judged: BoolArray
    centre: tuple[int, int]
    obvious: BoolArray
    contrast: float

    @property
    def radius(self) -> FloatArray:
        """Distance of each sample from the centre, 1 at the further border of each axis, shape ``(line, sample)``."""
        return np.asarray(self.maps[CHANNELS.index("radius")] / RADIUS_SCALE)


def _strength(values: ComplexArray, floor: float) -> tuple[FloatArray, FloatArray]:
    """Root mean square over the receivers, and what is usual for it nearby; shapes ``(line, sample)``."""
    strength = root_mean_square(values)
    return strength, np.maximum(local_median(strength, 3), floor)


def _strongest_receiver(values: ComplexArray) -> FloatArray:
    """Largest magnitude over the receivers, each in its own units, over what is usual; shape ``(line, sample)``.

    A spark in one receiver of 32 is lost in the sum over all.
    """
    # One receiver at a time stays in the cache, and takes little memory.
    receivers = values.reshape(len(values), -1)
    step = receivers.shape[1] // ENOUGH | 1
    usual, loudest = zip(*((quantile(each[::step], 0.5), each.max()) for each in map(power, receivers)), strict=True)
    # In units of its own, a silent receiver would outshout all others with its rounding errors.
    units = np.maximum(np.sqrt(np.array(usual, np.float64)), 1e-6 * np.sqrt(float(max(loudest))) + 1e-18)
    largest: FloatArray = np.zeros(receivers.shape[1], np.float32)
    for receiver, unit in zip(receivers, units, strict=True):
        np.maximum(largest, power(receiver) * np.float32(1 / unit**2), out=largest)
    strongest = np.sqrt(largest).reshape(values.shape[1:])
    return np.asarray(strongest / max(float(quantile(strongest.ravel(), 0.5)), 1e-6))


def gather_evidence(plane: ComplexArray, valid: BoolArray | None = None, *, without_obvious: bool = False) -> Evidence:
    """Make the evidence maps of one plane.

    Parameters
    ----------
    plane
        Shape ``(coil, line, sample)``.
    valid
        Samples that were acquired and are finite, shape ``(line, sample)``; the rest is zero in `plane`.
    without_obvious
        Look at all other samples as if the obvious ones (see :mod:`.obvious`) had recorded nothing.
    """
    peak = max(float(np.abs(plane).max()), 1e-30)
    data, scale = _in_range(plane, peak)
    magnitude, level, noise = level_of(data)
    judged = _among_others(magnitude > 0 if valid is None else valid & (magnitude > 0))
    obvious = obvious_samples(magnitude, level, noise, judged) if without_obvious else np.zeros(level.shape, bool)
    others, taken_out = magnitude, data[:, obvious]
    if taken_out.size:
        data = data.copy() if np.may_share_memory(data, plane) else data  # the caller's samples stay as they are
        data[:, obvious] = 0
        others, level, noise = level_of(data)
    centre = loudest_place(level)
    radius = radii(level.shape, centre)
    maps = np.empty((len(CHANNELS), *level.shape), dtype=np.float32)
    # Each part frees its arrays, of the size of the plane, before the next one makes its own.
    contrast = _write_innovation(maps[:4], data, obvious, taken_out)
    _write_residual(maps[4:6], data, obvious, taken_out, level, noise)
    if taken_out.size:
        data[:, obvious] = taken_out  # the maps that follow look at each sample itself
    _write(maps[6:N_STRIKING], (whitened_energy(data, level), magnitude / level))
    maps[N_STRIKING:] = (
        0.5 * np.log(level / noise),
        _mirror_ratio(magnitude, others, level, centre),  # of `others`: no spark is to excuse another
        RADIUS_SCALE * radius,
        np.full(level.shape, 0.5 * np.log2(len(data))),
    )
    maps[:N_STRIKING, ~judged] = np.log(SMALLEST)  # what is not judged must not stand out
    np.clip(maps, -LARGEST, LARGEST, out=maps)
    return Evidence(maps, level / scale, noise / scale, judged, centre, obvious, contrast)


def _in_range(plane: ComplexArray, peak: float) -> tuple[ComplexArray, float]:
    """Give a plane in units in which sums over its squares stay in single precision, and their scale.

    Ordinary data are in range as they are, and need no copy.
    """
    scale = 1.0 if SMALLEST_PEAK < peak < LARGEST_PEAK else 1.0 / peak
    in_range = plane if scale == 1.0 else plane * np.float32(scale)
    return np.ascontiguousarray(in_range, np.complex64), scale


def _write(maps: NDArray[np.float32], ratios: Iterable[FloatArray]) -> None:
    """Write ratios, which are about one for a usual sample, as maps."""
    for ratio, target in zip(ratios, maps, strict=True):
        np.log(ratio + SMALLEST, out=target)


def _write_innovation(
    maps: NDArray[np.float32], data: ComplexArray, obvious: BoolArray, taken_out: ComplexArray
) -> float:
    """Write what each sample is minus its prediction by the image's background, and give the image's contrast.

    The obvious samples are zero in `data`; what they recorded is `taken_out`, shape ``(coil, sample)``.
    """
    units = 1 / _peak_of(data)  # so that the small numbers below are small in any data
    innovation, contrast = innovation_of(data, units)
    # No sample has a share in its own prediction: with what it recorded it deviates by just that much more.
    innovation[:, obvious] += taken_out * np.float32(units)
    strength, usual = _strength(innovation, 1e-12)
    ordinary = max(float(quantile(strength.ravel(), 0.5)), 1e-12)
    local = strength / np.maximum(usual, 0.5 * ordinary)  # a place that is quiet by chance lifts nothing
    _write(maps, (strength / ordinary, local, whitened_energy(innovation), _strongest_receiver(innovation)))
    return contrast


def _peak_of(data: ComplexArray) -> float:
    """Give the largest part, real or imaginary, of any sample, and never zero: units for what follows."""
    parts = data.view(np.float32)
    return max(float(parts.max()), -float(parts.min()), 1e-30)


def _write_residual(
    maps: NDArray[np.float32],
    data: ComplexArray,
    obvious: BoolArray,
    taken_out: ComplexArray,
    level: FloatArray,
    noise: float,
) -> None:
    """Write what each sample is minus its prediction by its neighbours; arguments as above."""
    residual = predict(data, level, noise)
    np.subtract(data, residual, out=residual)
    residual[:, obvious] += taken_out
    error, error_level = _strength(residual, 0.5 * noise)
    _write(maps, (error / error_level, whitened_energy(residual, error_level)))


def _among_others(there: BoolArray) -> BoolArray:
    """Leave out samples that stand between holes (Poisson-disc sampling, zero padding): nothing to compare with."""
    if there.all():
        return there
    share = uniform_filter(there.astype(np.float32), size=5, mode="reflect")  # borders are no holes
    return there & (share > 0.5)


def _mirror_ratio(magnitude: FloatArray, others: FloatArray, level: FloatArray, centre: tuple[int, int]) -> FloatArray:
    """Log ratio to the loudest of the nine samples of `others` around the mirrored place; 0 where there is none.

    Sharp edges make star lines on both sides of the centre; a spark has no partner.
    """
    loudest = local_maximum(others)  # an image's phase shares a partner out among its neighbours
    line = 2 * centre[0] - np.arange(magnitude.shape[0])
    sample = 2 * centre[1] - np.arange(magnitude.shape[1])
    there = ((line >= 0) & (line < magnitude.shape[0]))[:, None] & ((sample >= 0) & (sample < magnitude.shape[1]))
    partner = loudest[np.clip(line, 0, magnitude.shape[0] - 1)][:, np.clip(sample, 0, magnitude.shape[1] - 1)]
    floor = 0.3 * level  # two quiet samples are to look alike
    return np.where(there, np.log((magnitude + floor) / (partner + floor)), 0.0)
