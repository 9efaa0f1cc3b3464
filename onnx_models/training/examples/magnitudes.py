"""Examples of magnitudes from examples of evidence, normalised in all the ways that a site may choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import FloatArray
from gadgets.patches.preprocessing import Normalisation, Preprocessing, preprocess
from gadgets.patches.standard_values import MULTIPLES, StandardValue, magnitudes_of
from onnx_models.training.examples.patches import Examples

NORMALISATIONS: tuple[Normalisation, ...] = ("max_min", "max_min_by_place", "z_score", "none")

STANDARD_VALUES: Mapping[StandardValue, tuple[float, float]] = {
    "centre": (15.0, 600.0),
    "central_area": (35.0, 3000.0),
    "artifact_free": (0.9, 5.5),
}
"""Least and largest in units of the noise level, in 17 recorded k-spaces."""

SPREAD = 3.0
"""Max is drawn up to so many times above and below its default: sites and their histories have values of their own."""


def magnitudes_from(examples: Examples, seed: int) -> Examples:
    """Turn patches of evidence into patches ``(n, 1, line, sample)`` of magnitudes, each normalised in some way."""
    rng = np.random.default_rng(seed)
    patches = np.empty((len(examples), 1, *examples.patches.shape[2:]), dtype=np.float32)
    for row, evidence in enumerate(examples.patches):
        magnitudes = magnitudes_of(evidence)[None, None]
        patches[row] = _normalised_somehow(magnitudes, examples.positions[[row]], rng)[0]
    return replace(examples, patches=patches)


def _normalised_somehow(
    magnitudes: FloatArray, positions: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    # Drawn, not measured: a model has to serve every normalisation, and every patch comes in one of them.
    standard = list(STANDARD_VALUES)[int(rng.integers(len(STANDARD_VALUES)))]
    # Evenly in logarithms, so that larger and smaller values are equally likely.
    in_centre, at_edge = (value * float(np.exp(rng.uniform(-1, 1) * np.log(SPREAD))) for value in MULTIPLES[standard])
    how = Preprocessing(
        kind=NORMALISATIONS[int(rng.integers(len(NORMALISATIONS)))],
        standard_value=standard,
        in_centre=in_centre,
        at_edge=at_edge,
        edge_distance=None if rng.random() < 0.5 else float(rng.uniform(0.1, 0.5)),
    )
    value = float(np.exp(rng.uniform(*np.log(STANDARD_VALUES[standard]))))
    unit = 10.0 ** rng.uniform(-6, 6)  # recordings come in units of their own
    return preprocess(unit * magnitudes, positions, unit * value, how)
