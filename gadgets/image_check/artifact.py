"""The image check: does the image show artifacts? Then its k-space has abnormal points.

Source document: blocks are cut from the reconstructed image by a second preset parameter, e.g. 224 x 224, and judged by
a second classification model, a CNN or a Vision Transformer (claim 11, FIGS. 5, 10, 11, 13-15).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from gadgets.arrays import FloatArray
from gadgets.image_check.picture import image_to_check
from gadgets.kspace import KSpace
from gadgets.patches import cut, divide
from gadgets.settings import SparkDetectionSettings
from onnx_models.loader import open_model
from onnx_models.manifest import read_manifest
from onnx_models.model import Model

IMAGE_SET = "image-1"
"""Names what :func:`image_detail` makes of an image: models are tied to it."""

BLOCK = (224, 224)
"""Standard size of a block, and what the models look at: smaller blocks are continued by their mirror image."""

FINE, LOCAL = 5, 15
"""Pixels over which noise shows, and over which an image's texture stays the same."""
DETAIL_LIMIT = 4.0  # in units of what usually differs: bounds edges


class ImageCheck:
    """Judges the image of a k-space, with a second classification model.

    Parameters
    ----------
    model
        From blocks of :func:`image_detail` to the probability of an artifact in each, or to 0 and 1.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    @property
    def label(self) -> str:
        """Which model it is, with the first digits of its hash."""
        return self.model.entry.label

    def probability(self, kspace: KSpace, settings: SparkDetectionSettings, patch: tuple[int, int, int]) -> float:
        """Give the probability that the image of a k-space shows artifacts.

        One block decides: that of the image is the largest of its blocks. A spark's ripple lies over the whole image,
        but it does not show everywhere. `patch` is the shape of the patches: planes, lines and samples.
        """
        largest = 0.0
        for image in image_to_check(kspace):
            blocks = cut_blocks(image_detail(image), block_shape(settings, image.shape, patch))
            # Partition by partition, so that the blocks of only one are in memory.
            largest = max(largest, float(self.model.run(blocks=blocks)["probability"].max()))
        return largest


def open_image_check(settings: SparkDetectionSettings) -> ImageCheck | None:
    """Open the second classification model, before the scan; None where the settings ask for no check.

    Raises
    ------
    ModelError
        The model is missing, damaged, or made for another representation of images.
    ProviderError
        The provider asked for is not there.
    """
    if not settings.checks_image:
        return None
    entry = read_manifest(settings.models).find(
        "second_classification", architecture=settings.image_model, normalisation=IMAGE_SET
    )
    model = open_model(entry, settings.models, settings.provider)
    model.warm_up()
    return ImageCheck(model)


def image_detail(image: FloatArray) -> NDArray[np.float32]:
    """Turn a magnitude image, shape ``(y, x)`` kept, into what the models look at.

    What differs from the surroundings, in units of what usually differs there: stripes stand out alike over what is
    bright and what is dark, edges are bounded, and scaling the image changes nothing.
    """
    # In units of the noise, which is the 1 below: where nothing else differs, noise is not blown up.
    scaled = image.astype(np.float32) / pixel_noise(image)
    different = scaled - uniform_filter(scaled, LOCAL)
    usual = np.sqrt(np.maximum(uniform_filter(different**2, LOCAL), 0) + 1)
    return np.asarray(np.clip(different / usual, -DETAIL_LIMIT, DETAIL_LIMIT), dtype=np.float32)


def pixel_noise(image: FloatArray) -> float:
    """Noise of a magnitude image: what its pixels usually differ by from those around them; never zero."""
    rough = image - uniform_filter(image, FINE)  # the object is smooth over so few pixels, but for its edges
    # Gaussian noise has 1.5 times its median magnitude as standard deviation, and edges hardly move a median.
    return max(1.5 * float(np.median(np.abs(rough))), 1e-4 * float(image.max(initial=0)), 1e-30)


def block_shape(
    settings: SparkDetectionSettings, image: tuple[int, ...], patch: tuple[int, int, int]
) -> tuple[int, int]:
    """Give the lines and pixels of a block (second preset parameter) for an image of shape ``(y, x)``.

    auto: the standard size, or the image's where that is smaller; patch: that of the patches, the first preset
    parameter (squares of a segment's length, which is 1D); else as set by hand, ``LINES`` or ``LINESxPIXELS``.
    """
    if settings.block_size == "auto":
        wanted = BLOCK
    elif settings.block_size == "patch":
        # A segment has one line, and a block of one line shows no stripes.
        wanted = (patch[1] if patch[1] > 1 else patch[2], patch[2])
    else:
        lines, _, pixels = settings.block_size.partition("x")
        wanted = (int(lines), int(pixels or lines))
    return min(wanted[0], image[0]), min(wanted[1], image[1])


def cut_blocks(detail: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Cut what was made of an image, shape ``(y, x)``, into blocks that cover it; the last ones are moved inwards.

    Returns
    -------
        Shape ``(n, 224, 224)``; a block that is smaller is continued by its mirror image, in which stripes go on.
    """
    blocks = cut(detail, divide(detail.shape, shape), shape)
    missing = [(0, most - size) for size, most in zip(shape, BLOCK, strict=True)]
    return np.asarray(np.pad(blocks, [(0, 0), *missing], mode="symmetric"), dtype=np.float32)


def has_artifact(probability: float, settings: SparkDetectionSettings) -> bool:
    """Decide (0 or 1): strictly above the threshold the image shows an artifact."""
    return probability > settings.image_threshold
