"""Preprocessing: patches of magnitudes, brought into the range that the models look at.

Source document: Max-Min normalisation to 0 … 1, what is Max or more becomes 1 and what is Min or less 0, with one Max
for all patches or one by the patch's place: 2 x the standard value in the centre, 0.1 x at the edge, nearer = larger
(claim 4); or zero mean and unit variance; or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import FloatArray
from gadgets.patches.regions import Region
from gadgets.patches.standard_values import MULTIPLES, StandardValue, abnormal_by
from gadgets.settings import SparkDetectionSettings

MAGNITUDE_SET = "magnitude-1"
"""Goes into the manifest of every model that looks at magnitudes, however they are normalised."""

MIN = 0.0
"""Magnitudes are never below it: how far a sample stands out can be told only if the quiet ones around it are seen."""

Normalisation = Literal["max_min", "max_min_by_place", "z_score", "none"]


@dataclass(frozen=True)
class Preprocessing:
    """How patches of magnitudes are normalised.

    Attributes
    ----------
    kind
        One Max for all patches, one by place, zero mean and unit variance of each patch, or nothing at all.
    standard_value
        What Max is a multiple of.
    in_centre, at_edge
        Max in standard values: of a patch in the centre (and of all patches where there is one Max), and at the edge.
    centre_distance
        First distance threshold: a patch with a sample closer to the centre, 1 being the border, belongs to the centre.
    edge_distance
        Second distance threshold: a patch whose middle is closer to the border belongs to the edge, and from the centre
        to there Max falls evenly on a logarithmic scale. None: all that is not the centre is the edge.
    """

    kind: Normalisation = "max_min"
    standard_value: StandardValue = "central_area"
    in_centre: float = 2.0
    at_edge: float = 0.1
    centre_distance: float = 0.1
    edge_distance: float | None = None

    def maxima(self, positions: NDArray[np.float32], standard: float) -> FloatArray:
        """Give the Max of each patch, shape ``(n,)``; for positions see :mod:`gadgets.patches.cutting`."""
        if self.kind != "max_min_by_place":
            return np.full(len(positions), self.in_centre * standard)
        way = self._way_to_the_edge(positions.astype(np.float64))
        # Even in logarithms: the ends differ by a factor of twenty, and the middle between them would be ten times the
        # lower one.
        return np.asarray(standard * self.in_centre ** (1 - way) * self.at_edge**way)

    def _way_to_the_edge(self, positions: FloatArray) -> FloatArray:
        """Tell how far each patch is on its way from the centre (0) to the edge (1), shape ``(n,)``."""
        beyond_centre = positions[:, -1] - self.centre_distance
        if self.edge_distance is None:
            return np.asarray(beyond_centre >= 0, dtype=np.float64)
        before_edge = 1 - np.abs(positions[:, :-2]).max(axis=1) - self.edge_distance
        # Where both thresholds meet the way between them has no length.
        way = beyond_centre / np.maximum(beyond_centre + np.maximum(before_edge, 0), 1e-12)
        return np.asarray(np.where(beyond_centre < 0, 0.0, way))


def preprocess(
    magnitudes: FloatArray, positions: NDArray[np.float32], standard: float, how: Preprocessing
) -> NDArray[np.float32]:
    """Normalise patches of magnitudes.

    Parameters
    ----------
    magnitudes
        Over all receivers, shape ``(n, 1, *patch)``, in the units of `standard`.
    positions
        See :func:`gadgets.patches.cutting.relative_positions`.
    standard
        The standard value of the k-space; a k-space without one (nothing but zeros) becomes zeros.
    how
        Kind and parameters.
    """
    if how.kind == "none":
        return np.asarray(magnitudes, dtype=np.float32)
    axes = tuple(range(1, magnitudes.ndim))
    values = magnitudes.astype(np.float64)
    if how.kind == "z_score":
        values = values - values.mean(axis=axes, keepdims=True)
        spread = values.std(axis=axes, keepdims=True)
        # A patch of one value, as of nothing but zeros, has no spread to be divided by.
        scaled = np.divide(values, spread, out=np.zeros_like(values), where=spread > 0)
        return np.asarray(scaled, dtype=np.float32)
    maxima = np.expand_dims(how.maxima(positions, standard), axes)
    scaled = np.divide(values - MIN, maxima - MIN, out=np.zeros_like(values), where=maxima > MIN)
    # Set to 1 by the very test that calls a point abnormal: the quotient may be rounded to just below.
    return np.where(abnormal_by(values, maxima), 1, np.clip(scaled, 0, 1)).astype(np.float32)


def preprocessing_of(
    settings: SparkDetectionSettings, levels: Mapping[Region, float] | None = None
) -> Preprocessing | None:
    """Give the preprocessing that the settings ask for; None where the models look at evidence.

    Parameters
    ----------
    settings
        Of the node ``spark_detection``.
    levels
        Max by region, in standard values, of the impact level that the settings name; needed if they name one.
    """
    kind, standard = settings.preprocessing, settings.standard_value
    if kind == "evidence":
        return None
    in_centre, at_edge = MULTIPLES[standard]
    if levels is not None:
        # What the history has learnt goes before the defaults, and what a person has set before both.
        in_centre, at_edge = levels["centre"], levels["outer"]
    return Preprocessing(
        kind,
        standard,
        in_centre if settings.centre_max is None else settings.centre_max,
        at_edge if settings.edge_max is None else settings.edge_max,
        settings.centre_distance,
        settings.edge_distance,
    )
