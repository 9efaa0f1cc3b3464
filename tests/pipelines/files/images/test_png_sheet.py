"""MRD images as one picture."""

from __future__ import annotations

import numpy as np
from helpers.images.placed import placed_image, stored
from matplotlib.image import imread

from pipelines.files.images.png_sheet import write_png


def test_one_image_is_a_picture_of_its_size(tmp_path):
    pixels = np.linspace(0, 50, 24, dtype=np.float32).reshape(1, 6, 4)
    write_png(stored(tmp_path / "in.h5", placed_image(pixels)), tmp_path / "out.png")
    picture = imread(tmp_path / "out.png")[..., 0]
    np.testing.assert_allclose(picture, np.minimum(pixels[0] / np.percentile(pixels, 99.5), 1), atol=1 / 128)


def test_several_lie_side_by_side_on_one_scale(tmp_path):
    images = [placed_image(np.full((1, 6, 4), value, np.float32), slice=value) for value in range(3)]
    write_png(stored(tmp_path / "in.h5", *images), tmp_path / "out.png")
    picture = imread(tmp_path / "out.png")[..., 0]
    assert picture.shape == (12, 8)
    np.testing.assert_allclose(picture[::6, ::4], [[0, 0.5], [1, 0]], atol=0.01)


def test_what_is_no_number_is_black(tmp_path):
    pixels = np.ones((1, 6, 4), np.float32)
    pixels[0, 0, 0] = np.nan
    write_png(stored(tmp_path / "in.h5", placed_image(pixels)), tmp_path / "out.png")
    assert imread(tmp_path / "out.png")[0, 0, 0] == 0
