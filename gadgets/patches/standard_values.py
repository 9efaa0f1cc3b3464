"""Standard values: what the magnitudes of a k-space are measured by, and when a point is abnormal by that.

Source document: the preset standard value is adaptive, the k-space centre, the root of squares of the central area
(e.g. 5x5), or the average of the points without artifacts. A point in the centre needs to be much greater than it to
make an artifact, one at the edge only slightly greater.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, FloatArray
from gadgets.evidence import CHANNELS, SMALLEST, gather_evidence
from gadgets.kspace import KSpace, planes_of
from gadgets.local_statistics import local_median, quantile

StandardValue = Literal["centre", "central_area", "artifact_free"]

AREA = 5
"""Samples along each side of the central area."""

STANDS_OUT = 6.5
"""A point this many times above the median of its surroundings is not free of artifacts."""

MULTIPLES: Mapping[StandardValue, tuple[float, float]] = {
    "centre": (2.0, 0.1),
    "central_area": (2.0, 0.1),
    "artifact_free": (400.0, 20.0),
}
"""Above which multiple of the standard value a point is abnormal, in the centre and at the edge.

2 and 0.1 are the source document's, with the k-space centre in view. The average of the artifact-free points is
another kind of number, little above the noise: in 17 recorded k-spaces the central area is 14 to 1560 times as large
(median 300), the centre up to 330 times (median 55). With 2 and 0.1 all signal would be abnormal.
"""


def magnitudes_of(maps: NDArray[np.float32]) -> FloatArray:
    """Give one magnitude per sample over all receivers, in units of the noise level.

    The receivers are joined by whitening them among samples of similar level (see `evidence`): a spark, whose
    gains are not those of the object, stands out more than in the root of the mean square.

    Parameters
    ----------
    maps
        Evidence, shape ``(channel, …)``. Samples that cannot be judged have the magnitude 0.
    """
    raw, level = (maps[CHANNELS.index(name)].astype(np.float64) for name in ("raw_whitened", "level"))
    # Undoes the logarithms of the maps: one holds log(ratio + SMALLEST), the other half of the level's logarithm.
    return np.asarray(np.maximum(np.exp(raw) - SMALLEST, 0) * np.exp(2 * level))


def standard_value(magnitudes: FloatArray, centre: tuple[int, ...], judged: BoolArray, kind: StandardValue) -> float:
    """Measure a k-space by one number.

    Parameters
    ----------
    magnitudes
        Of one plane or volume, any number of axes.
    centre
        Its k-space centre.
    judged
        Samples that were acquired and can be compared with others, the shape of `magnitudes`.
    kind
        ``centre``: the sample at the centre. ``central_area``: the root of the sum of squares over the samples around
        it, five along each axis. ``artifact_free``: the mean of all points that do not stand out of their surroundings.
    """
    if kind == "centre":
        return float(magnitudes[centre])
    if kind == "central_area":
        area = tuple(slice(max(index - AREA // 2, 0), index + AREA // 2 + 1) for index in centre)
        return float(np.sqrt(np.sum(magnitudes[area].astype(np.float64) ** 2)))
    # Plane by plane: surroundings have two axes here.
    planes = magnitudes.reshape(-1, *magnitudes.shape[-2:])
    free = judged & ~np.stack([_stands_out(plane) for plane in planes]).reshape(magnitudes.shape)
    # Nothing but outliers, or nothing acquired: preprocessing turns such a k-space into zeros.
    return float(magnitudes[free].mean()) if free.any() else 0.0


def in_standard_values(kspace: KSpace, place: tuple[int, int, int]) -> float:
    """Give the magnitude of a sample in standard values of its partition, as impact levels are learnt.

    Parameters
    ----------
    kspace
        As acquired.
    place
        Partition, line and sample.

    Returns
    -------
        0 where it cannot be told: the partition has too few lines, or holds nothing but zeros.
    """
    partition, line, sample = place
    # `planes_of` is told what to leave out.
    others = set(range(kspace.data.shape[1])) - {partition}
    for plane in planes_of(kspace, others):
        evidence = gather_evidence(plane.data, plane.valid, without_obvious=True)
        magnitudes = magnitudes_of(evidence.maps) * evidence.noise
        # The kind that a record of an impact has unless it names another.
        standard = standard_value(magnitudes, evidence.centre, evidence.judged, "central_area")
        magnitude = float(magnitudes[plane.index_of(line, sample)])
        return magnitude / standard if standard > 0 and np.isfinite(magnitude) else 0.0
    return 0.0


def abnormal_by(magnitudes: FloatArray, maxima: FloatArray | float) -> BoolArray:
    """Tell which points are abnormal: of at least so many standard values as their place allows (Max).

    These are the points that Max-Min normalisation turns into 1.

    Parameters
    ----------
    maxima
        Multiple for the place times the standard value, in the units of `magnitudes`.
    """
    return np.asarray((magnitudes >= maxima) & (magnitudes > 0))


def _stands_out(plane: FloatArray) -> BoolArray:
    # Half of what is usual is the least that counts as surroundings: between empty samples everything would stand out.
    usual = max(float(quantile(plane.ravel(), 0.5)), float(plane.max(initial=0.0)) * 1e-6)
    return np.asarray(plane > STANDS_OUT * np.maximum(local_median(plane, 2), 0.5 * usual))
