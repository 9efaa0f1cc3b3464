"""MRD images as one picture to look at."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from pipelines.files.images.image_file import Pixels
from pipelines.files.images.stored_images import StoredImages

WHITE_PERCENTILE = 99.5
"""Of all pixels: above it they are white, so that one bright spot does not make the rest dark."""


def write_png(images: StoredImages, path: Path) -> None:
    """Write all planes side by side on one gray scale; complex ones as magnitudes, NaN as black."""
    # Here, as it takes a third of a second, and reads settings of its own from the working directory.
    from matplotlib.image import imsave

    planes = [plane for image in images for plane in _magnitudes(image.pixels)]
    # As wide as it is high, in rows from left to right.
    n_columns = math.ceil(math.sqrt(len(planes)))
    height, width = (max(plane.shape[axis] for plane in planes) for axis in (0, 1))
    sheet = np.zeros((math.ceil(len(planes) / n_columns) * height, n_columns * width))
    for number, plane in enumerate(planes):
        row, column = (number // n_columns) * height, (number % n_columns) * width
        sheet[row : row + plane.shape[0], column : column + plane.shape[1]] = plane
    white = np.percentile(np.concatenate([plane.ravel() for plane in planes]), WHITE_PERCENTILE)
    imsave(path, sheet, format="png", cmap="gray", vmin=0, vmax=white or 1)


def _magnitudes(pixels: Pixels) -> Pixels:
    """Give the planes of an image, shape ``(plane, y, x)``."""
    # Channels and partitions become one row of planes.
    return np.nan_to_num(np.abs(pixels), posinf=0).reshape(-1, *pixels.shape[-2:])
