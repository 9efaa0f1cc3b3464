"""Pixels as files store them."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.files.images.pixels import as_stored


@pytest.mark.parametrize(
    ("dtype", "bits", "values", "stored", "n_clipped"),
    [
        (np.uint16, 12, [-3.0, 7.6, 4095.2, 5000.0], [0, 8, 4095, 4095], 2),
        (np.int16, None, [-40000.0, -1.4, 40000.0], [-32768, -1, 32767], 2),
        (np.int16, 12, [-3000.0, 2047.0], [-2048, 2047], 1),
        (np.float32, None, [-0.5, 1e9], [-0.5, 1e9], 0),
    ],
)
def test_whole_numbers_are_rounded_and_never_wrap_round(dtype, bits, values, stored, n_clipped):
    found, n_found = as_stored(np.array(values), dtype, bits)
    assert found.dtype == dtype
    assert (found.tolist(), n_found) == (stored, n_clipped)
