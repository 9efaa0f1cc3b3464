"""Abnormal points: the samples of target patches that a model marks, and where they are.

Source document: the patch's first sample is its anchor; anchor plus (row, column) of the mask is the place of a
point, as in (256, 64) + [14, 14] = (270, 78) (FIG. 7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray, FloatArray, IntArray
from gadgets.patches import Patches
from onnx_models.model import Model


@dataclass(frozen=True, eq=False)
class Opinions:
    """What a model says of the samples of target patches.

    Attributes
    ----------
    probability
        That each is abnormal, shape ``(n, plane, line, sample)``.
    calibrated
        What they should be, shape ``(n, coil, plane, line, sample)``; None where the model does not say.
    """

    probability: NDArray[np.float32]
    calibrated: ComplexArray | None = None


class Segmentation:
    """Marks abnormal points with an abnormal point segmentation model."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def find(self, patches: Patches, targets: NDArray[np.intp]) -> Opinions:
        """Give each sample of the target patches, by their numbers, the probability that it is abnormal."""
        probability = self.model.run(patches=patches.values[targets])["probability"]
        # Models for rectangles and segments have no axis for the plane, and segments none for the line.
        return Opinions(probability.reshape(-1, *patches.shape))


def positions_of(mask: NDArray[np.bool_], anchor: tuple[int, ...]) -> IntArray:
    """Turn the mask of one patch into places in the imaging data: anchor plus row and column.

    Returns
    -------
    IntArray
        Shape ``(n_points, n_axes)``.
    """
    return np.asarray(np.argwhere(mask) + np.array(anchor), dtype=np.int_)


def merge(
    probability: NDArray[np.float32], anchors: IntArray, thresholds: FloatArray
) -> tuple[IntArray, FloatArray, IntArray]:
    """Collect the points of all target patches; a sample in several patches counts once, with its best probability.

    Parameters
    ----------
    probability
        Of the target patches' samples, shape ``(n, *patch)``.
    anchors
        Of the target patches, shape ``(n, n_axes)``.
    thresholds
        A sample is abnormal strictly above its own; what a patch has beyond these is dropped.

    Returns
    -------
    tuple
        Places, shape ``(n_points, n_axes)``, in the order of memory, their probabilities, and the patches, by number,
        that these are from.
    """
    # Over the whole plane, not by a search among the points: patches overlap, and each sample is to be found once.
    best = np.zeros(thresholds.shape, dtype=np.float32)
    source = np.zeros(thresholds.shape, dtype=np.int_)
    for number, (anchor, values) in enumerate(zip(anchors, probability, strict=True)):
        window = tuple(slice(first, first + size) for first, size in zip(anchor, values.shape, strict=True))
        # Beyond the plane a patch repeats the border: what is marked there is no sample.
        values = values[tuple(map(slice, best[window].shape))]
        is_best = (values > thresholds[window]) & (values > best[window])
        here = tuple(positions_of(is_best, tuple(anchor)).T)
        best[here], source[here] = values[is_best], number
    found = best > 0
    return np.argwhere(found), best[found], source[found]
