"""Images with the stripes that sparks make of them."""

from __future__ import annotations

import h5py
import numpy as np
from helpers.foreign_messages import image_bytes

from gadgets.image.reconstruction import centred_fft, centred_inverse_fft
from pipelines.files.images.raw_image import ImageWriter, RawImage

SPARKS = ((20, 30), (70, 85))


AXES = (-2, -1)


def make_image(shape=(96, 112), seed=0, signal=100.0):
    """An ellipse with texture over noise."""
    rng = np.random.default_rng(seed)
    y, x = (
        np.linspace(-1, 1, n)[:, None] if axis == 0 else np.linspace(-1, 1, n)[None] for axis, n in enumerate(shape)
    )
    body = signal * ((y / 0.6) ** 2 + (x / 0.7) ** 2 < 1) * (1 + 0.3 * np.cos(7 * y) * np.cos(5 * x))
    return body + (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)


def with_sparks(image, sparks=SPARKS, ripple=3.0):
    """The image with stripes: what single samples of its k-space, so much louder, make of it."""
    kspace = centred_fft(image.astype(np.complex64), AXES)
    for number, place in enumerate(sparks):
        kspace[place] += ripple * np.sqrt(image.size) * np.exp(1j * number)
    return centred_inverse_fft(kspace, AXES)


def error_left(found, before, truth):
    return np.linalg.norm(found - truth) / np.linalg.norm(before - truth)


def write_mrd(path, images, data_type=5):
    with h5py.File(path, "w") as file:
        writer = ImageWriter(file)
        for image in images:
            body = image_bytes((1, 1, *image.shape), data_type)
            start = len(body) - image.size * image.dtype.itemsize
            writer.append(RawImage.from_bytes(body[:start] + image.tobytes()))


def read_mrd(path):
    with h5py.File(path) as file:
        series = file["images/image_0"]
        return series["data"][:, 0, 0], series["header"][...], series["attributes"][...]
