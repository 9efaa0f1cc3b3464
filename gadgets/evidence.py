"""Evidence for sparks: maps in which a sample that does not belong to its surroundings stands out.

One plane at a time, all receivers together. A *plane* is one partition with its acquired readouts stacked in
the order of their phase-encoding lines, shape ``(coil, line, sample)``; lines that were not acquired leave no gap.
The maps are the same for any global scale and phase of the data, and cost little more for 32 receivers than for
8, because the sources of the prediction are compressed to a few virtual receivers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from gadgets.image_support import predict_from_support
from gadgets.kspace import BoolArray, ComplexArray, FloatArray
from gadgets.prediction import predict

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

RADIUS_SCALE = 2.0

ENOUGH = 4096
"""Samples of a group from which the receivers' covariance is estimated well enough."""

LARGEST = 10.0
"""Maps are cut off here: what stands out e^10 times stands out."""

FEATURE_SET = "evidence-1"
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
    """

    maps: NDArray[np.float32]
    level: FloatArray
    noise: float
    judged: BoolArray

    @property
    def radius(self) -> FloatArray:
        """Distance of each sample from the centre, 1 at the further border of each axis, shape ``(line, sample)``."""
        return np.asarray(self.maps[CHANNELS.index("radius")] / RADIUS_SCALE)


def shifted(values: NDArray[np.generic], line: int, sample: int) -> NDArray[np.generic]:
    """Give every sample the value of its neighbour ``(line, sample)`` away; at the borders the mirrored one."""
    n_lines, n_samples = values.shape[-2:]
    return values[..., _mirrored(n_lines, line), :][..., _mirrored(n_samples, sample)]


def _mirrored(n: int, offset: int) -> NDArray[np.intp]:
    index = np.arange(n)
    there = index + offset
    outside = (there < 0) | (there >= n)
    return np.clip(np.where(outside, index - offset, there), 0, n - 1)


def local_median(values: FloatArray, distance: int) -> FloatArray:
    """Median of a sample and its eight neighbours `distance` away, shape kept.

    Nine samples on a wide grid instead of all samples of a window: a burst of up to six samples covers at most
    three or four of them, and nine values are sorted in a few array operations.
    """
    steps = (-distance, 0, distance)
    nine = np.stack([shifted(values, line, sample) for line in steps for sample in steps])
    nine.partition(4, axis=0)
    return np.asarray(nine[4])


def noise_level(magnitude: FloatArray) -> float:
    """Noise of a plane: the median magnitude of its outermost samples, as a complex standard deviation.

    Magnitudes of complex Gaussian noise of standard deviation sigma have the median ``sigma sqrt(ln 2)``. Never
    zero for a plane that holds anything: filtered or padded borders fall back to the quietest tenth of the rest.
    """
    edge = np.concatenate([magnitude[:, :6], magnitude[:, -6:]], axis=1)
    there = magnitude[magnitude > 0]
    if there.size == 0:
        return 1.0
    quiet = float(np.quantile(there, 0.1))
    return max(float(np.median(edge)) / float(np.sqrt(np.log(2))), quiet)


def whitened_energy(values: ComplexArray, level: FloatArray | None = None) -> FloatArray:
    """Energy of each sample in units of what its like have, over all receivers and their correlations.

    Samples are grouped by local level; each group has its own receiver covariance (estimated without its largest
    3 %, so that sparks do not hide themselves), and a sample's energy is its Mahalanobis distance. Signal lies in
    the few directions that the receivers' sensitivities span; a spark has gains of its own and leaves them.

    Parameters
    ----------
    values
        Shape ``(coil, line, sample)``.
    level
        Local level, shape ``(line, sample)``; None where all samples are alike and form one group.

    Returns
    -------
    FloatArray
        Square root of the energy over its median in the group, shape ``(line, sample)``.
    """
    n_coils = values.shape[0]
    relative = (values if level is None else values / level).reshape(n_coils, -1)
    if level is None:
        return _relative_energy(relative).reshape(values.shape[1:])
    energy = np.empty(relative.shape[1], dtype=np.float32)
    for group in _groups(np.argsort(level, axis=None, kind="stable"), 6 * n_coils + 30):
        energy[group] = _relative_energy(relative[:, group])
    return energy.reshape(values.shape[1:])


def _relative_energy(members: ComplexArray) -> FloatArray:
    """Square root of the energy of samples over its median; `members` has shape ``(coil, sample)``."""
    # An odd step visits all columns of a k-space whose readouts are a power of two long.
    some = members[:, :: (members.shape[1] // ENOUGH) | 1]
    kept = some
    for _ in range(2):
        distance = _distance(some, _whitening(kept))
        kept = some[:, distance <= np.quantile(distance, 0.97)]
    energy = _distance(members, _whitening(kept))
    usual = max(float(np.median(energy)), 1e-6 * float(np.mean(energy)), 1e-20)
    return np.asarray(np.sqrt(np.minimum(energy / usual, 1e8)))


def _whitening(members: ComplexArray) -> ComplexArray:
    """Inverse Cholesky factor of the receivers' covariance, shape ``(coil, coil)``."""
    n_coils, n_members = members.shape
    covariance = members @ members.conj().T / max(n_members, 1)
    covariance += np.float32(1e-4 * np.trace(covariance).real / n_coils + 1e-20) * np.eye(n_coils, dtype=np.float32)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))


def _distance(members: ComplexArray, whitening: ComplexArray) -> FloatArray:
    whitened = whitening @ members
    return np.asarray(np.sum(whitened.real**2 + whitened.imag**2, axis=0))


def _strength(values: ComplexArray, floor: float) -> tuple[FloatArray, FloatArray]:
    """Root mean square over the receivers, and what is usual for it nearby; shapes ``(line, sample)``."""
    strength = np.sqrt(np.mean(values.real**2 + values.imag**2, axis=0))
    return strength, np.maximum(local_median(strength, 3), floor)


def _strongest_receiver(values: ComplexArray) -> FloatArray:
    """Largest magnitude over the receivers, each in its own units, over what is usual; shape ``(line, sample)``.

    A spark in one receiver of 32 is lost in the sum over all.
    """
    magnitude = np.abs(values)
    usual = np.median(magnitude, axis=(1, 2), keepdims=True)
    largest = np.max(magnitude / np.maximum(usual, 1e-6 * magnitude.max() + 1e-20), axis=0)
    return np.asarray(largest / max(float(np.median(largest)), 1e-6))


def _groups(order: NDArray[np.intp], smallest: int) -> list[NDArray[np.intp]]:
    """Cut samples, sorted by level, into groups: the loudest few apart, each next group three times larger."""
    groups: list[NDArray[np.intp]] = []
    end, size = order.size, max(smallest, order.size // 400)
    while end > 2 * size + smallest:
        groups.append(order[end - size : end])
        end, size = end - size, 3 * size
    groups.append(order[:end])
    return groups


def gather_evidence(plane: ComplexArray, valid: BoolArray | None = None) -> Evidence:
    """Make the evidence maps of one plane.

    Parameters
    ----------
    plane
        Shape ``(coil, line, sample)``.
    valid
        Samples that were acquired and are finite, shape ``(line, sample)``; the rest is zero in `plane`.
    """
    scale = 1.0 / max(float(np.abs(plane).max()), 1e-30)
    data = (plane * np.float32(scale)).astype(np.complex64)
    n_coils = data.shape[0]
    magnitude = np.sqrt(np.mean(data.real**2 + data.imag**2, axis=0))
    noise = noise_level(magnitude)
    level = np.maximum(local_median(magnitude, 2), 0.7 * noise)
    residual = data - predict(data, level, noise)
    error, error_level = _strength(residual, 0.5 * noise)
    innovation = predict_from_support(data, np.zeros(data.shape, dtype=bool)).innovation
    surprise, surprise_level = _strength(innovation, 1e-12)
    ordinary = max(float(np.median(surprise)), 1e-12)
    centre = np.unravel_index(int(np.argmax(level)), level.shape)
    maps = np.stack(
        [
            np.log(surprise / ordinary + 0.05),
            np.log(surprise / np.maximum(surprise_level, 0.5 * ordinary) + 0.05),
            np.log(whitened_energy(innovation) + 0.05),
            np.log(_strongest_receiver(innovation) + 0.05),
            np.log(error / error_level + 0.05),
            np.log(whitened_energy(residual, error_level) + 0.05),
            np.log(whitened_energy(data, level) + 0.05),
            np.log(magnitude / level + 0.05),
            0.5 * np.log(level / noise),
            _mirror_ratio(magnitude, level, (int(centre[0]), int(centre[1]))),
            RADIUS_SCALE * _radius(level.shape, (int(centre[0]), int(centre[1]))),
            np.full(level.shape, 0.5 * np.log2(n_coils)),
        ]
    ).astype(np.float32)
    judged = _among_others(magnitude > 0 if valid is None else valid & (magnitude > 0))
    maps[:N_STRIKING, ~judged] = np.log(0.05)
    np.clip(maps, -LARGEST, LARGEST, out=maps)
    return Evidence(maps=maps, level=level / scale, noise=noise / scale, judged=judged)


def _among_others(there: BoolArray) -> BoolArray:
    """Leave out samples that stand between holes (Poisson-disc sampling, zero padding): nothing to compare with."""
    share = uniform_filter(there.astype(np.float32), size=5, mode="reflect")
    return there & (share > 0.5)


def _radius(shape: tuple[int, ...], centre: tuple[int, int]) -> FloatArray:
    """Distance from the centre, 1 at the furthest border of each axis."""
    reach = [max(c, n - 1 - c, 1) for c, n in zip(centre, shape, strict=True)]
    line = (np.arange(shape[0]) - centre[0]) / reach[0]
    sample = (np.arange(shape[1]) - centre[1]) / reach[1]
    return np.hypot(line[:, None], sample[None, :])


def _mirror_ratio(magnitude: FloatArray, level: FloatArray, centre: tuple[int, int]) -> FloatArray:
    """Log ratio to the loudest of the nine samples around the mirrored place; 0 where there is none.

    Sharp edges make star lines on both sides of the centre; a spark has no partner.
    """
    loudest = np.max([shifted(magnitude, line, sample) for line in (-1, 0, 1) for sample in (-1, 0, 1)], axis=0)
    line = 2 * centre[0] - np.arange(magnitude.shape[0])
    sample = 2 * centre[1] - np.arange(magnitude.shape[1])
    there = ((line >= 0) & (line < magnitude.shape[0]))[:, None] & ((sample >= 0) & (sample < magnitude.shape[1]))
    partner = loudest[np.clip(line, 0, magnitude.shape[0] - 1)][:, np.clip(sample, 0, magnitude.shape[1] - 1)]
    floor = 0.3 * level
    return np.where(there, np.log((magnitude + floor) / (partner + floor)), 0.0)
