"""Examples of windows about missing samples: training needs torch; without it these tests skip."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from helpers.kspaces import object_kspace

from gadgets.repair.network.windows import MAPS, N_CHANNELS, PAIRS, WINDOW
from onnx_models.training.examples.windows import joined, plane_windows


def test_examples_are_what_the_fill_misses_at_the_sparks():
    plane = object_kspace(n_coils=3, shape=(1, 64, 48)).data[:, 0]
    made = plane_windows(plane, np.random.default_rng(2))
    again = plane_windows(plane, np.random.default_rng(2))
    np.testing.assert_array_equal(made.missed, again.missed)
    assert made.windows.shape == (len(made), N_CHANNELS, *WINDOW)
    wanted = made.windows[:, 2 * len(PAIRS) + MAPS.index("wanted")] > 0
    assert wanted.any(axis=(1, 2)).all()
    missed = np.hypot(*np.moveaxis(made.missed.astype(np.float32), 1, 0))
    assert not missed[~wanted].any()
    # In units of the usual error, what is missed is about one.
    assert 0.3 < np.median(missed[wanted]) < 3
    assert len(joined([])) == 0
