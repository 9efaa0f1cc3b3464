"""The networks of the patch calibration models, which find and calibrate at once: CNN with U-Net, and transformer.

Both have the layers that the source document names: patches are embedded and encoded, a judgment layer compares the
probability of each patch with the threshold of its place, and prediction layers give the target patches as they
should be.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnx_models.training.networks.calibration import N_FEATURES, Mending, calibrated
from onnx_models.training.networks.points import N_CHANNELS, N_POSITIONS, PointSegmenter
from onnx_models.training.networks.transformers import SetTransformer


class Looks(Protocol):
    """Looks into sets of patches."""

    def __call__(self, patches: Tensor, positions: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give what it sees.

        Parameters
        ----------
        patches, positions, present
            Shapes ``(n, token, channel, line, sample)``, ``(n, token, 4)`` and ``(n, token)``.

        Returns
        -------
        tuple
            Logits of the patches, shape ``(n, token)``, and of all patches one after the other the features and the
            logits of their samples, shapes ``(patch, feature, line, sample)`` and ``(patch, line, sample)``.
        """


class ClassificationHead(nn.Module):
    """Fully connected layers that judge a patch by what an encoder makes of it, and by its place in k-space."""

    def __init__(self, width: int = N_FEATURES) -> None:
        super().__init__()
        self.position_encoding = nn.Sequential(nn.Linear(N_POSITIONS, 16), nn.ReLU())
        self.judge = nn.Sequential(nn.Linear(10 * width + 16, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, pooled: Tensor, positions: Tensor) -> Tensor:
        """Give one logit per patch, from what :func:`pool` gives and its place, shape ``(n,)``."""
        logits: Tensor = self.judge(torch.cat([pooled, self.position_encoding(positions)], dim=1)).squeeze(1)
        return logits


def pool(encoded: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Give the largest and the mean of every feature of an encoder, shape ``(n, 10 width)``."""
    # The largest for a spark, which is a single sample, and the mean for what is usual around it.
    pooled = [part for values in encoded for part in (values.amax(dim=(2, 3)), values.mean(dim=(2, 3)))]
    return torch.cat(pooled, dim=1)


class CnnUnet(nn.Module):
    """A convolutional encoder that a classification module and the decoder of a U-Net share; patches stand alone."""

    def __init__(self, segmenter: PointSegmenter, head: ClassificationHead) -> None:
        super().__init__()
        self.segmenter, self.head = segmenter, head

    def forward(self, patches: Tensor, positions: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look into patches; see :class:`Looks`."""
        encoded = self.segmenter.encode(patches.flatten(0, 1))
        # The encoder has run once; the head and the decoder read the same of it.
        judged = self.head(pool(encoded), positions.flatten(0, 1)).unflatten(0, present.shape)
        features = self.segmenter.decode(*encoded)
        return judged, features, self.segmenter.mark(features)


class SampleDecoder(nn.Module):
    """Judges the samples of a patch by their surroundings, and by the hidden vector of the patch."""

    def __init__(self, vector: int) -> None:
        super().__init__()
        # Without biases: the normalisation behind each convolution would take them away again.
        self.local = nn.Sequential(
            nn.Conv2d(N_CHANNELS, N_FEATURES, 3, padding=1, bias=False),
            nn.BatchNorm2d(N_FEATURES),
            nn.ReLU(inplace=True),
            nn.Conv2d(N_FEATURES, N_FEATURES, 3, padding=1, bias=False),
            nn.BatchNorm2d(N_FEATURES),
        )
        self.context = nn.Linear(vector, N_FEATURES)
        self.joined = nn.Sequential(
            nn.Conv2d(N_FEATURES, N_FEATURES, 3, padding=1, bias=False), nn.BatchNorm2d(N_FEATURES), nn.ReLU()
        )
        self.last = nn.Conv2d(N_FEATURES, 1, 1)

    def forward(self, patches: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Give features, shape ``(n, feature, line, sample)``, and logits of samples, ``(n, line, sample)``."""
        # Added to every sample alike: what the set tells of a patch has no place within it.
        context = self.context(vectors)[:, :, None, None]
        features = self.joined(functional.relu(self.local(patches) + context))
        return features, self.last(features).squeeze(1)


class Vit(nn.Module):
    """A Vision Transformer: hidden vectors of whole patches, which judge them and guide the decoder."""

    def __init__(self, transformer: SetTransformer, decoder: SampleDecoder) -> None:
        super().__init__()
        self.transformer, self.decoder = transformer, decoder

    def forward(self, patches: Tensor, positions: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look into sets of patches; see :class:`Looks`."""
        flat = patches.flatten(0, 1)
        vectors = self.transformer.embedding(flat, positions.flatten(0, 1)).unflatten(0, present.shape)
        hidden = self.transformer.encode(vectors, present)
        return self.transformer.head(hidden).squeeze(-1), *self.decoder(flat, hidden.flatten(0, 1))

    def alone(self, patches: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Give features and logits of the samples of patches that stand alone."""
        present = torch.ones((len(patches), 1), dtype=torch.bool)
        _, features, marks = self(patches.unsqueeze(1), positions.unsqueeze(1), present)
        return features, marks


class PatchCalibrator(nn.Module):
    """Finds and calibrates at once.

    Parameters
    ----------
    look
        Looks into patches, a module that keeps to :class:`Looks`.
    mending
        Says what has to be taken away.
    shifts
        Logits of a patch and of a sample that become one half.
    """

    def __init__(self, look: nn.Module, mending: Mending, shifts: tuple[float, float]) -> None:
        super().__init__()
        self.look, self.mending = look, mending
        self.shifts = shifts

    def forward(
        self,
        patches: Tensor,
        positions: Tensor,
        present: Tensor,
        thresholds: Tensor,
        recorded: Tensor,
        background: Tensor,
        neighbours: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Judge sets of patches and calibrate those of their patches that are targets.

        Parameters
        ----------
        patches, positions, present
            See :class:`Looks`.
        thresholds
            Above which a patch is a target, shape ``(n, token)``.
        recorded, background, neighbours
            Shape ``(n, token, receiver, 2, line, sample)``.

        Returns
        -------
        tuple
            Probability of each patch, ``(n, token)``, of each sample, ``(n, token, line, sample)``, and the calibrated
            patches, in the shape of `recorded`.
        """
        judged, features, marks = self.look(patches, positions, present)
        # Absent patches get 0, and so are never targets.
        target = torch.sigmoid(judged - self.shifts[0]) * present
        probability = torch.sigmoid(marks - self.shifts[1]).unflatten(0, present.shape)
        seen = (values.flatten(0, 1) for values in (recorded, background, neighbours))
        taken = self.mending(features, *seen).unflatten(0, present.shape)
        # Patches that are no targets come back as they were recorded, whatever their samples look like.
        is_target = (target > thresholds)[:, :, None, None]
        return target, probability, calibrated(probability * is_target, recorded, taken)
