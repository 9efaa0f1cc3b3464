"""Networks that look at magnitudes: training needs torch; without it these tests skip."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from gadgets.local_statistics import local_median  # noqa: E402
from onnx_models.training.networks.magnitudes import N_MAPS, ContrastMaps  # noqa: E402


def test_the_maps_are_the_same_for_every_scale_and_offset():
    magnitudes = torch.from_numpy(np.random.default_rng(0).rayleigh(1, (3, 1, 32, 32)).astype(np.float32))
    maps = ContrastMaps()(magnitudes)
    assert maps.shape == (3, N_MAPS, 32, 32)
    assert torch.allclose(ContrastMaps()(3e-7 * magnitudes), maps, atol=1e-3)
    assert torch.allclose(ContrastMaps()(magnitudes / 5 - 1), maps, atol=1e-2)
    assert torch.isfinite(ContrastMaps()(0 * magnitudes)).all()


def test_the_second_map_is_the_ratio_to_the_local_median():
    magnitudes = np.random.default_rng(1).uniform(1, 2, (32, 32)).astype(np.float32)
    magnitudes[5, 5], magnitudes[20, 11] = 0, 40
    found = ContrastMaps()(torch.from_numpy(magnitudes)[None, None])[0, 1, 2:-2, 2:-2].numpy()
    ratio = magnitudes / local_median(magnitudes, 2)
    assert found == pytest.approx(np.log(ratio + 0.05)[2:-2, 2:-2], abs=0.01)
