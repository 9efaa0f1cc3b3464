"""Vision Transformers: networks in which one token is one whole patch.

Source document: linear projection of flattened patches, joined with position tokens, a transformer encoder that gives
as many hidden vectors as there are patches, and a multilayer perceptron as head (Dosovitskiy 2021,
arXiv 2010.11929).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from onnx_models.training.networks.points import N_CHANNELS, N_POSITIONS

# Of a patch: a projection of flattened patches holds for one size only.
SIDE = 32
# Finite, where infinity would give a set without any patch no number at all; the softmax makes it 0 all the same.
ABSENT = -1e9


class PatchEmbedding(nn.Module):
    """Linear projection of flattened patches, joined with their position tokens.

    A linear projection of the maps themselves would lose one outlier among a thousand ordinary samples. So two small
    convolutions look at the samples first, such that ordinary ones become about zero, and the loudest of each four by
    four is kept. Of 50000 patches a tenth was kept apart, and told with an area under the curve of 0.988; samples
    looked at one by one gave 0.983.
    """

    def __init__(self, width: int, n_embedded: int = 8) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(N_CHANNELS, 12, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(12, n_embedded, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.projection = nn.Linear(n_embedded * (SIDE // 4) ** 2, width)
        self.position_token = nn.Sequential(nn.Linear(N_POSITIONS, 32), nn.ReLU(inplace=True), nn.Linear(32, width))

    def forward(self, patches: Tensor, positions: Tensor) -> Tensor:
        """Give one vector per patch, shape ``(n, width)``."""
        # The place is added, as an encoder does not know in which order its tokens stand.
        vectors = self.projection(self.maps(patches).flatten(1))
        joined: Tensor = vectors + self.position_token(positions)
        return joined


class SetEncoderLayer(nn.Module):
    """Self-attention among the patches of a set, then a perceptron; absent patches are not listened to."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.before_attention, self.before_perceptron = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, vectors: Tensor, present: Tensor) -> Tensor:
        """Give as many vectors as came in, shape ``(n, token, width)``; `present` has the shape ``(n, token)``."""
        normal = self.before_attention(vectors)
        query, key, value = (self._heads(layer(normal)) for layer in (self.query, self.key, self.value))
        likeness = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5  # (n, head, token, token)
        likeness = torch.where(present[:, None, None, :], likeness, ABSENT)
        # From ``(n, head, token, part)`` back to ``(n, token, width)``.
        heard = (torch.softmax(likeness, dim=-1) @ value).transpose(1, 2).flatten(2)
        vectors = vectors + self.out(heard)
        hidden: Tensor = vectors + self.perceptron(self.before_perceptron(vectors))
        return hidden

    def _heads(self, vectors: Tensor) -> Tensor:
        # From ``(n, token, width)`` to ``(n, head, token, part)``: each head compares the tokens by a part of the
        # width.
        return vectors.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)


class SetTransformer(nn.Module):
    """Judges each patch of a set, in the light of all others."""

    def __init__(self, width: int = 48, n_layers: int = 2, n_heads: int = 4) -> None:
        super().__init__()
        self.embedding = PatchEmbedding(width)
        self.encoder = nn.ModuleList(SetEncoderLayer(width, n_heads) for _ in range(n_layers))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))

    def forward(self, patches: Tensor, positions: Tensor, present: Tensor) -> Tensor:
        """Give one logit per patch.

        Parameters
        ----------
        patches
            Shape ``(n, token, channel, line, sample)``.
        positions
            Shape ``(n, token, 4)``.
        present
            Where a set has a patch, shape ``(n, token)``; what stands elsewhere changes nothing.

        Returns
        -------
        Tensor
            Shape ``(n, token)``.
        """
        vectors = self.embedding(patches.flatten(0, 1), positions.flatten(0, 1))
        return self.judge(vectors.unflatten(0, present.shape), present)

    def judge(self, vectors: Tensor, present: Tensor) -> Tensor:
        """Give one logit per embedded patch; vectors have the shape ``(n, token, width)``."""
        logits: Tensor = self.head(self.encode(vectors, present)).squeeze(-1)
        return logits

    def encode(self, vectors: Tensor, present: Tensor) -> Tensor:
        """Give as many hidden vectors as embedded patches came in."""
        for layer in self.encoder:
            vectors = layer(vectors, present)
        return vectors
