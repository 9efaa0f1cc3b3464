"""Abnormal points: the samples of target patches that the segmentation model marks, and where they are.

Source document: the patch's first sample is its anchor; anchor plus (row, column) of the mask is the place of a
point, as in (256, 64) + [14, 14] = (270, 78) (FIG. 7).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gadgets.kspace import FloatArray, IntArray
from gadgets.patches import cut
from onnx_models.model import Model


def segment(patches: NDArray[np.float32], model: Model) -> NDArray[np.float32]:
    """Give each sample of target patches the probability that it is abnormal, shape ``(n, line, sample)``."""
    return np.asarray(model.run(patches=patches)["probability"])


def positions_of(mask: NDArray[np.bool_], anchor: tuple[int, ...]) -> IntArray:
    """Turn the mask of one patch into places in the imaging data: anchor plus row and column.

    Returns
    -------
    IntArray
        Shape ``(n_points, n_axes)``.
    """
    return np.asarray(np.argwhere(mask) + np.array(anchor), dtype=np.int_)


def merge(probability: NDArray[np.float32], anchors: IntArray, thresholds: FloatArray) -> tuple[IntArray, FloatArray]:
    """Collect the points of all target patches; a sample in several patches counts once, with its best probability.

    Parameters
    ----------
    probability
        Of the target patches' samples, shape ``(n, line, sample)``.
    anchors
        Of the target patches, shape ``(n, 2)``.
    thresholds
        A sample of the plane is abnormal strictly above its own, shape ``(line, sample)``; what a patch has beyond
        the plane is dropped.

    Returns
    -------
    tuple
        Places, shape ``(n_points, 2)``, in the order of memory, and their probabilities.
    """
    best = np.zeros(thresholds.shape, dtype=np.float32)
    for anchor, values in zip(anchors, probability, strict=True):
        limits = cut(thresholds, anchor[None], values.shape)[0]
        for place in positions_of(values > limits, tuple(anchor)):
            if (place < best.shape).all():
                row, column = place - anchor
                best[tuple(place)] = max(best[tuple(place)], values[row, column])
    return np.argwhere(best > 0), best[best > 0]
