"""Figures of merit of one k-space: what was found, what harm was done, how much error is left."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.kspace import KSpace
from pipelines.benchmark.sparks import INNER_RADIUS, OUTER_RADIUS, SparkEvent

Grouping = Literal["ring", "strength", "receivers", "hit"]

GROUPS: dict[Grouping, tuple[str, ...]] = {
    "ring": ("r < 0.1", "0.1 … 0.3", "> 0.3"),
    "strength": ("rnr < 0.25", "0.25 … 1", "> 1"),
    "receivers": ("1", "2-3", ">= 4"),
    "hit": ("single receiver", "several receivers"),
}
"""Classes of events, in order: by radius, strength, receivers of the scan, and receivers that were hit."""

# A ripple of a quarter of the noise is faint in an image, one as strong as the noise is obvious.
WEAK_RNR, STRONG_RNR = 0.25, 1.0


@dataclass(frozen=True)
class ScoredEvent:
    """One spark and whether it was found."""

    radius: float
    rnr: float
    n_receivers: int
    n_hit: int
    found: bool

    def group(self, grouping: Grouping) -> str:
        """Name the class of this event."""
        if grouping == "ring":
            # Classes are counted through: every limit that is passed is one more.
            rank = int(self.radius >= INNER_RADIUS) + int(self.radius > OUTER_RADIUS)
        elif grouping == "strength":
            rank = int(self.rnr >= WEAK_RNR) + int(self.rnr > STRONG_RNR)
        elif grouping == "receivers":
            rank = int(self.n_receivers > 1) + int(self.n_receivers > 3)
        else:
            rank = int(self.n_hit > 1)
        return GROUPS[grouping][rank]


def score_event(event: SparkEvent, clean: KSpace, before: KSpace, after: ComplexArray) -> ScoredEvent:
    """Judge one spark at its largest sample: found where more than half of the deviation is gone.

    Parameters
    ----------
    event
        What was put in.
    clean, before
        The k-space without and with sparks.
    after
        Repaired samples, shape ``(coil, kz, ky, kx)``.
    """
    # At the largest sample: the others of a burst may be too weak to be told from the noise.
    truth = clean.data[event.peak]
    found = abs(after[event.peak] - truth) < abs(before.data[event.peak] - truth) / 2
    return ScoredEvent(event.radius, event.rnr, clean.n_coils, len(event.receivers), bool(found))


def count_changed(clean: KSpace, repaired: ComplexArray) -> int:
    """Count the imaging samples (line, sample; any receiver) that were changed.

    A sample that turns into NaN counts, one that was NaN and stays it does not.
    """
    # NaN is not equal to itself, and would count as changed wherever the file holds some.
    same = (repaired == clean.data) | (np.isnan(repaired) & np.isnan(clean.data))
    return int(np.count_nonzero(np.any(~same, axis=0) & clean.sampled))


def image_of(data: ComplexArray) -> FloatArray:
    """Root sum of squares of the orthonormal inverse transform on the k-space's own grid.

    Parameters
    ----------
    data
        Zero-filled samples, shape ``(coil, kz, ky, kx)``.

    Returns
    -------
        Magnitude, shape ``(z, y, x)``, origin at the corners: it is compared and not looked at.
    """
    images = np.fft.ifftn(data, axes=(1, 2, 3), norm="ortho")
    return np.asarray(np.sqrt(np.sum(images.real**2 + images.imag**2, axis=0)))


@dataclass
class ImageError:
    """Sums of squared image differences over the k-spaces of one run."""

    after: float = 0.0
    before: float = 0.0

    def add(self, clean: FloatArray, before: FloatArray, after: FloatArray) -> None:
        """Add one k-space's images, each of shape ``(z, y, x)``."""
        self.after += float(np.sum((after - clean) ** 2, dtype=np.float64))
        self.before += float(np.sum((before - clean) ** 2, dtype=np.float64))

    @property
    def left(self) -> float:
        """Norm of the error after over the norm of the error before; not a number without an error before."""
        return sqrt(self.after / self.before) if self.before else float("nan")
