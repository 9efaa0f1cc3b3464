"""Networks of the second classification models: a CNN and a Vision Transformer that judge blocks of an image.

Both read what :func:`gadgets.image_check.artifact.image_detail` makes of a block, shape ``(n, 224, 224)``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gadgets.image_check.artifact import BLOCK

# By half of a window: what the taper takes away at a border is in the middle of the next.
WINDOW, STEP = 32, 16
N_ACROSS = WINDOW // 2 + 1
"""Frequencies along x; the others are the same for a real map."""
N_WINDOWS = (BLOCK[0] - WINDOW) // STEP + 1


class LocalSpectra(nn.Module):
    """Convolutions with waves: how strong each frequency is in windows of a block, in logarithms.

    Stripes are one frequency all over the image, edges are many in few places. Learnt filters as wide would have to be
    some hundreds to tell as much.
    """

    def __init__(self) -> None:
        super().__init__()
        pixel = torch.arange(WINDOW)
        # Without it the borders of a window would look like stripes of all frequencies.
        taper = 0.5 - 0.5 * torch.cos(2 * torch.pi * (pixel + 0.5) / WINDOW)
        along_x = 2 * torch.pi * torch.arange(N_ACROSS)[:, None] * pixel / WINDOW
        along_y = 2 * torch.pi * torch.arange(-WINDOW // 2, WINDOW // 2)[:, None] * pixel / WINDOW
        self.register_buffer("along_x", (torch.cat([along_x.cos(), -along_x.sin()]) * taper)[:, None, None, :])
        self.register_buffer("along_y", (torch.cat([along_y.cos(), along_y.sin()]) * taper)[:, None, :, None])

    def forward(self, detail: Tensor) -> Tensor:
        """Turn detail, shape ``(n, 224, 224)``, into ``(n, x frequency, y frequency, y window, x window)``."""
        rows = functional.conv2d(detail[:, None], self.along_x, stride=(1, STEP))  # (n, 2 fx, 224, 13)
        waves = functional.conv2d(rows.reshape(-1, 1, *rows.shape[2:]), self.along_y, stride=(STEP, 1))
        waves = waves.reshape(-1, 2, N_ACROSS, 2, WINDOW, N_WINDOWS, N_WINDOWS)  # (n, re im, fx, cos sin, fy, 13, 13)
        # (cos - i sin) along y times (re + i im) along x, in real numbers, as networks have no others.
        real = waves[:, 0, :, 0] + waves[:, 1, :, 1]
        imaginary = waves[:, 1, :, 0] - waves[:, 0, :, 1]
        # A hundredth: a frequency that is not there has no logarithm.
        return torch.log((real.square() + imaginary.square()) / WINDOW + 1e-2)


class ImageCnn(nn.Module):
    """CNN over the frequencies that are strong everywhere in a block."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.spectra = LocalSpectra()
        self.features = nn.Sequential(_block(2, width), _block(width, width), _block(width, 2 * width))
        self.head = nn.Sequential(nn.Linear(4 * width, 32), nn.ReLU(inplace=True), nn.Linear(32, 1))

    def forward(self, blocks: Tensor) -> Tensor:
        """Give one logit per block, shape ``(n,)``."""
        spectra = self.spectra(blocks)
        usual_and_largest = torch.stack([spectra.mean(dim=(3, 4)), spectra.amax(dim=(3, 4))], dim=1)  # (n, 2, fx, fy)
        features = self.features(usual_and_largest)  # (n, 2 width, fx, fy)
        joined = torch.cat([features.amax(dim=(2, 3)), features.mean(dim=(2, 3))], dim=1)
        logits: Tensor = self.head(joined).squeeze(1)
        return logits


def _block(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


class ImageVit(nn.Module):
    """Vision Transformer: tokens of 16 x 16 pixels, projected linearly, with a learnt position each.

    Stripes are alike in all tokens, but for their sign: beside what the encoder says, the energy of each projection
    over the whole block counts. Dosovitskiy et al. 2021, arXiv 2010.11929.
    """

    def __init__(self, width: int = 48, n_layers: int = 2, n_heads: int = 3, token: int = 16) -> None:
        super().__init__()
        self.projection = nn.Conv2d(1, width, token, stride=token)
        n_tokens = (BLOCK[0] // token) * (BLOCK[1] // token)
        self.positions = nn.Parameter(0.02 * torch.randn(1, n_tokens, width))
        self.layers = nn.Sequential(*(BlockEncoderLayer(width, n_heads) for _ in range(n_layers)))
        self.head = nn.Sequential(nn.LayerNorm(3 * width), nn.Linear(3 * width, 32), nn.GELU(), nn.Linear(32, 1))

    def forward(self, blocks: Tensor) -> Tensor:
        """Give one logit per block, shape ``(n,)``."""
        tokens = self.projection(blocks[:, None]).flatten(2).transpose(1, 2)  # (n, 196, width)
        hidden = self.layers(tokens + self.positions)  # (n, 196, width)
        # Stripes change their sign from token to token, so a mean of tokens would lose them.
        energy = torch.log(tokens.square().mean(dim=1) + 1e-3)  # (n, width)
        joined = torch.cat([hidden.amax(dim=1), hidden.mean(dim=1), energy], dim=1)
        logits: Tensor = self.head(joined).squeeze(1)
        return logits


class BlockEncoderLayer(nn.Module):
    """Self-attention and two fully connected layers, each behind a normalisation and added to what came in.

    All tokens of a block are there; in sets of patches some are absent (:class:`.transformers.SetEncoderLayer`).
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.before_attention, self.before_layers = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.connected = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Let every token look at all others; shape ``(n, token, width)`` kept."""
        tokens = tokens + self._attention(self.before_attention(tokens))
        result: Tensor = tokens + self.connected(self.before_layers(tokens))
        return result

    def _attention(self, tokens: Tensor) -> Tensor:
        _, n_tokens, width = tokens.shape
        each = width // self.n_heads
        split = self.queries_keys_values(tokens).reshape(-1, n_tokens, 3, self.n_heads, each)
        queries, keys, values = split.permute(2, 0, 3, 1, 4).unbind(0)  # (n, head, token, each)
        weights = torch.softmax(queries @ keys.transpose(2, 3) / each**0.5, dim=-1)  # (n, head, token, token)
        seen = (weights @ values).transpose(1, 2).reshape(-1, n_tokens, width)
        result: Tensor = self.joined(seen)
        return result
