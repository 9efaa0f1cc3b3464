"""What networks that look at magnitudes do first: bring them on one scale, whichever normalisation they come in."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

N_MAPS = 3
TO_LOCAL_MEDIAN = 1
"""The map of ratios to the local median."""

# Both as in the maps of the evidence.
LARGEST = 10.0
SMALLEST = 0.05


class ContrastMaps(nn.Module):
    """From magnitudes ``(n, 1, line, sample)`` to three maps in which a spark stands out, ``(n, 3, line, sample)``.

    Logarithms of the magnitude over what is usual in the patch, over the local median, and over the largest
    of those medians nearby. All are ratios of differences from the patch's least value: what the normalisation has
    multiplied or subtracted does no more count, what it has cut off does.
    """

    def forward(self, magnitudes: Tensor) -> Tensor:
        """Give the maps."""
        # Differences undo what was subtracted, ratios what was multiplied.
        above = magnitudes - magnitudes.amin(dim=(2, 3), keepdim=True)
        above = above / (above.mean(dim=(2, 3), keepdim=True) + 1e-30)
        usual = torch.exp(torch.log(above + 1e-3).mean(dim=(2, 3), keepdim=True))
        nearby = _median_of_nine(above)
        around = functional.max_pool2d(nearby, 5, stride=1, padding=2)
        # A share of what is usual is the least that counts: between quiet samples a median may be next to nothing.
        ratios = (above / usual, above / torch.maximum(nearby, 0.3 * usual), above / torch.maximum(around, 0.3 * usual))
        return torch.cat([torch.log(ratio + SMALLEST).clamp(max=LARGEST) for ratio in ratios], dim=1)


def _median_of_nine(values: Tensor) -> Tensor:
    """Median of each sample and its eight neighbours two away: :func:`gadgets.local_statistics.local_median`."""
    # The border is repeated: the model sees a patch, and not what lies beyond.
    wide = functional.pad(values, (2, 2, 2, 2), mode="replicate")
    lines = wide[:, :, :-4], wide[:, :, 2:-2], wide[:, :, 4:]
    return _median(
        _largest(*_samples(_least(*lines))), _median(*_samples(_median(*lines))), _least(*_samples(_largest(*lines)))
    )


def _samples(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return values[..., :-4], values[..., 2:-2], values[..., 4:]


def _largest(first: Tensor, second: Tensor, third: Tensor) -> Tensor:
    return torch.maximum(torch.maximum(first, second), third)


def _least(first: Tensor, second: Tensor, third: Tensor) -> Tensor:
    return torch.minimum(torch.minimum(first, second), third)


def _median(first: Tensor, second: Tensor, third: Tensor) -> Tensor:
    return torch.maximum(torch.minimum(first, second), torch.minimum(torch.maximum(first, second), third))
