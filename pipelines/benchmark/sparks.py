"""Sparks with known places for scoring: complex, additive, in the samples as recorded.

Not the simulator that the models are trained with: burst shapes, gains and places are drawn differently, so
that no model is graded by its teacher.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.errors import RawDataError
from gadgets.indices import describe
from gadgets.kspace import KSpace
from pipelines.benchmark.readouts import radii, ripple_unit

# The rings of all tables: the centre, where signal hides sparks, what lies around it, and the rest.
INNER_RADIUS = 0.1
OUTER_RADIUS = 0.3
# Ratios of ripple to noise: from ripples far below the noise of the image to those that cover it.
MIN_RNR, MAX_RNR = 0.1, 4.0
MAX_EVENTS = 8
MAX_BURST = 6
# What comes from one converter or switch; all else reaches every receiver.
SINGLE_RECEIVER_SHARE = 0.3


@dataclass(frozen=True, eq=False)
class SparkEvent:
    """One spark that was put in.

    Attributes
    ----------
    partition, line, first
        Its readout and the first of its samples on the k-space's grid.
    added
        What was added, shape ``(coil, sample)``; exact zeros in receivers that were not hit.
    rnr
        Ripple-to-noise ratio ``A / (sigma sqrt(N))`` of its peak amplitude A.
    radius
        Distance of its middle sample from the strongest line and column, 1 = border.
    """

    partition: int
    line: int
    first: int
    added: ComplexArray
    rnr: float
    radius: float

    @property
    def peak(self) -> tuple[int, int, int, int]:
        """Place of its largest sample: receiver, partition, line, sample."""
        receiver, sample = np.unravel_index(int(np.argmax(np.abs(self.added))), self.added.shape)
        return int(receiver), self.partition, self.line, self.first + int(sample)

    @property
    def receivers(self) -> tuple[int, ...]:
        """Receivers that were hit."""
        return tuple(int(receiver) for receiver in np.flatnonzero(np.any(self.added != 0, axis=1)))


def add_sparks(
    kspace: KSpace, rng: np.random.Generator, *, only_inner: bool = False
) -> tuple[KSpace, tuple[SparkEvent, ...]]:
    """Add one to eight sparks to a copy of a k-space.

    * The number of events is uniform, their strength ``rnr`` log-uniform in 0.1 … 4.
    * The peak sample of the strongest receiver gets the magnitude ``rnr * sigma * sqrt(N)`` with the noise
      sigma and the number N of acquired samples (per receiver) of this k-space.
    * Place: readout and first sample uniform; with ``only_inner``, uniform over the inner ring.

    Returns
    -------
        The k-space with sparks, and what was put in. ``kspace`` itself is not modified.
    """
    # Strength in the image, not in k-space: what the same amplitude does depends on noise and matrix.
    unit = ripple_unit(kspace)
    radius = radii(kspace)
    data = kspace.data.copy()
    events = []
    for _ in range(rng.integers(1, MAX_EVENTS + 1)):
        # Even in logarithms: weak sparks are as likely as strong ones.
        rnr = float(np.exp(rng.uniform(np.log(MIN_RNR), np.log(MAX_RNR))))
        # A burst is one event: all receivers see it at the same samples, each in its own strength and phase.
        shape = draw_gains(rng, kspace.n_coils)[:, np.newaxis] * draw_burst(rng)
        n_samples = shape.shape[1]
        partition, line, first = draw_place(
            rng, kspace, radius, n_samples, within=INNER_RADIUS if only_inner else np.inf
        )
        added = (rnr * unit * shape).astype(data.dtype)
        data[:, partition, line, first : first + n_samples] += added
        # As drawn, also where the loudest sample is another: the radius tells where the burst lies.
        middle = float(radius[partition, line, first + n_samples // 2])
        events.append(SparkEvent(partition, line, first, added, rnr, middle))
    return replace(kspace, data=data), tuple(events)


def draw_gains(rng: np.random.Generator, n_coils: int) -> ComplexArray:
    """How strongly and with which phase each receiver sees an event, shape ``(coil,)``; the strongest has 1."""
    gains = rng.lognormal(0.0, 0.5, n_coils) * np.exp(2j * np.pi * rng.random(n_coils))
    if rng.random() < SINGLE_RECEIVER_SHARE:
        # A discharge in the room reaches all receivers, a bad converter or switch one.
        gains[np.arange(n_coils) != rng.integers(n_coils)] = 0
    return np.asarray(gains / np.abs(gains).max())


def draw_burst(rng: np.random.Generator) -> ComplexArray:
    """Relative samples of a burst, shape ``(sample,)``: one to six with uniform phases; the largest has 1."""
    n_samples = rng.integers(1, MAX_BURST + 1)
    magnitude = rng.uniform(0.3, 1.0, n_samples)
    # The largest is 1, so that the strength drawn is the peak's.
    magnitude[np.argmax(magnitude)] = 1.0
    return np.asarray(magnitude * np.exp(2j * np.pi * rng.random(n_samples)))


def draw_place(
    rng: np.random.Generator, kspace: KSpace, radius: FloatArray, n_samples: int, *, within: float = np.inf
) -> tuple[int, int, int]:
    """Draw partition, line and first sample of a burst that lies within one readout.

    Uniform over all such places whose middle sample has a radius below ``within`` (or, where a burst fits
    nowhere in there, as far inside as it fits).

    Raises
    ------
    RawDataError
        No readout is long enough.
    """
    where = describe(kspace.indices)
    if n_samples > kspace.sampled.shape[-1]:
        found = kspace.sampled.shape[-1]
        raise RawDataError(f"expected readouts of at least {n_samples} samples for a spark, found {found} ({where})")
    # Only where all its samples were acquired: what lies elsewhere nobody could find.
    fits = np.all(sliding_window_view(kspace.sampled, n_samples, axis=-1), axis=-1)
    if not np.any(fits):
        raise RawDataError(
            f"expected a readout with {n_samples} consecutive acquired samples for a spark, found none ({where})"
        )
    middle = radius[..., n_samples // 2 : n_samples // 2 + fits.shape[-1]]
    # Strictly below, so just under it; small matrices may have no such place, and then the innermost is taken.
    fits &= middle <= max(np.nextafter(within, 0), middle[fits].min())
    places = np.argwhere(fits)
    partition, line, first = (int(index) for index in places[rng.integers(len(places))])
    return partition, line, first
