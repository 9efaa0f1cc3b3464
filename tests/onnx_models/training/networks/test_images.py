"""Networks that look at blocks of images: training needs torch; without it these tests skip."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from gadgets.image_check.artifact import BLOCK  # noqa: E402
from onnx_models.training.networks.images import WINDOW, LocalSpectra  # noqa: E402


def test_a_wave_is_one_frequency_in_every_window():
    x = torch.arange(BLOCK[1])
    wave = torch.cos(2 * torch.pi * 5 * x / WINDOW).expand(1, *BLOCK)
    spectra = LocalSpectra()(wave)
    strongest = spectra.flatten(1, 2).argmax(dim=1)
    assert (strongest == 5 * WINDOW + WINDOW // 2).all()
