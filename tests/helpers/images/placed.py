"""MRD images with a place in the patient, as a chain gives them back."""

from __future__ import annotations

import h5py
import numpy as np
from ismrmrd.hdf5 import image_header_dtype

from pipelines.files.images.raw_image import ImageWriter, RawImage
from pipelines.files.images.stored_images import StoredImages

META = "<ismrmrdMeta><meta><name>{}</name><value>{}</value></meta></ismrmrdMeta>"
OBLIQUE = np.array([[0.8, 0.6, 0.0], [-0.48, 0.64, 0.6], [0.36, -0.48, 0.8]])
"""Directions along x, y and z of an image that is turned in all three."""


def placed_image(pixels, position=(0, 0, 0), directions=OBLIQUE, field_of_view=(8, 9, 5), repaired=0, **counters):
    """An image of shape (z, y, x) with its header."""
    header = np.zeros(1, image_header_dtype)
    head = header[0]
    head["version"], head["data_type"], head["image_type"], head["channels"] = 1, 5, 1, 1
    head["matrix_size"], head["field_of_view"], head["position"] = pixels.shape[::-1], field_of_view, position
    head["read_dir"], head["phase_dir"], head["slice_dir"] = directions
    for name, value in counters.items():
        head[name] = value
    meta = META.format("despark_points_repaired", repaired).encode()
    return RawImage(header.tobytes(), meta, pixels[np.newaxis])


def stored(path, *images):
    with h5py.File(path, "w") as file:
        writer = ImageWriter(file)
        for image in images:
            writer.append(image)
    return StoredImages(path)


def oblique_stack(folder, n_slices=3, n_repetitions=1, gap=6.0):
    """Slices of noise along the slice direction, in an order that is not that of their places."""
    rng = np.random.default_rng(0)
    images = [
        placed_image(
            rng.random((1, 6, 4), np.float32) * 100,
            np.array([10.0, -20.0, 30.0]) + gap * number * OBLIQUE[2],
            slice=number,
            repetition=repetition,
        )
        for repetition in range(n_repetitions)
        for number in reversed(range(n_slices))
    ]
    return stored(folder / "oblique.h5", *images), images
