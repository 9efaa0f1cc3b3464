"""The second classification models: a CNN and a Vision Transformer that judge blocks of an image.

Both read what :func:`gadgets.image_check.image_maps` makes of a block, shape ``(n, map, 224, 224)``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gadgets.image_check import BLOCK, MAPS

N_MAPS = len(MAPS)


class ImageCnn(nn.Module):
    """CNN with filters as wide as stripes, strided so that a block costs little.

    Stripes lie everywhere alike: beside what the layers above see, the energy of every filter over the block counts.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Conv2d(N_MAPS, width, 16, stride=8, padding=4)
        self.features = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Sequential(nn.Linear(3 * width, 32), nn.ReLU(inplace=True), nn.Linear(32, 1))

    def forward(self, blocks: Tensor) -> Tensor:
        """Give one logit per block, shape ``(n,)``."""
        responses = self.stem(blocks)  # (n, width, 27, 27)
        energy = torch.log(responses.square().mean(dim=(2, 3)) + 1e-3)  # (n, width)
        features = self.features(responses)  # (n, width, 7, 7)
        joined = torch.cat([energy, features.amax(dim=(2, 3)), features.mean(dim=(2, 3))], dim=1)
        logits: Tensor = self.head(joined).squeeze(1)
        return logits


class ImageVit(nn.Module):
    """Vision Transformer: tokens of 16 x 16 pixels, projected linearly, with a learnt position each.

    Dosovitskiy et al. 2021, arXiv 2010.11929.
    """

    def __init__(self, width: int = 48, n_layers: int = 2, n_heads: int = 3, token: int = 16) -> None:
        super().__init__()
        self.projection = nn.Conv2d(N_MAPS, width, token, stride=token)
        n_tokens = (BLOCK[0] // token) * (BLOCK[1] // token)
        self.positions = nn.Parameter(0.02 * torch.randn(1, n_tokens, width))
        self.layers = nn.Sequential(*(EncoderLayer(width, n_heads) for _ in range(n_layers)))
        self.head = nn.Sequential(nn.LayerNorm(2 * width), nn.Linear(2 * width, 32), nn.GELU(), nn.Linear(32, 1))

    def forward(self, blocks: Tensor) -> Tensor:
        """Give one logit per block, shape ``(n,)``."""
        tokens = self.projection(blocks).flatten(2).transpose(1, 2) + self.positions  # (n, 196, width)
        hidden = self.layers(tokens)  # (n, 196, width)
        joined = torch.cat([hidden.amax(dim=1), hidden.mean(dim=1)], dim=1)
        logits: Tensor = self.head(joined).squeeze(1)
        return logits


class EncoderLayer(nn.Module):
    """Self-attention and two fully connected layers, each behind a normalisation and added to what came in."""

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
