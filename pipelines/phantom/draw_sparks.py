"""The draws of ``despark simulate``: where sparks fall, how strong, in which receivers, and where they come back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.errors import RawDataError, SettingsError
from gadgets.indices import Indices, describe
from gadgets.kspace import AcquiredKSpace, KSpace
from pipelines.benchmark import (
    INNER_RADIUS,
    MAX_EVENTS,
    MAX_RNR,
    MIN_RNR,
    OUTER_RADIUS,
    draw_burst,
    draw_gains,
    draw_place,
    radii,
    ripple_unit,
)
from pipelines.phantom.spark_truth import Complex, SimulatedSpark

# How many sparks come back, how often at most, and after how many readouts: a loose contact does.
REPEAT_SHARE = 0.15
MAX_REPEATS = 3
MAX_REPEAT_DISTANCE = 6

MOST_PEAK = 1e38
"""Of a spark; a sample that it is added to has to stay within single precision, too."""


@dataclass(frozen=True)
class SparkPlan:
    """How many sparks per k-space (at most, repeats aside), how strong, and which share of them is put near the centre.

    Of that share, half lies within 0.1 of the radius and half within 0.3. ``repetitions`` are those that get sparks;
    none named: all of them.
    """

    seed: int = 0
    rnr_min: float = MIN_RNR
    rnr_max: float = MAX_RNR
    events: int = MAX_EVENTS
    centre_share: float = 0.5
    repetitions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.rnr_min <= self.rnr_max:
            raise SettingsError(
                f"expected 0 < rnr-min <= rnr-max, found rnr-min {self.rnr_min:g} and rnr-max {self.rnr_max:g}"
            )
        if self.events < 1:
            raise SettingsError(f"expected at least 1 event per k-space, found {self.events}")

    def is_hit(self, indices: Indices) -> bool:
        """Tell whether a k-space gets sparks."""
        return not self.repetitions or indices.repetition in self.repetitions


def draw_in_kspace(
    acquired: AcquiredKSpace, plan: SparkPlan, rng: np.random.Generator, n_before: int
) -> list[SimulatedSpark]:
    """Draw the sparks of one k-space, in each readout one at most: what is recorded at one moment is one spark.

    Parameters
    ----------
    acquired
        The k-space; the ``source`` of its readouts is the number of the acquisition in the file.
    plan
        How many and how strong.
    rng
        Draws everything.
    n_before
        Number of sparks drawn in earlier k-spaces, from which these are counted on.
    """
    kspace = acquired.kspace
    # First, as it refuses a k-space in which there is nothing.
    unit = ripple_unit(kspace)
    if plan.rnr_max * unit >= MOST_PEAK:
        where = describe(kspace.indices)
        raise RawDataError(f"expected samples beside which single precision holds a spark, found larger ones ({where})")
    radius = radii(kspace)
    places = [(readout.partition, readout.line) for readout in acquired.readouts]
    sparks: list[SimulatedSpark] = []
    taken: set[tuple[int, int]] = set()
    for _ in range(rng.integers(1, plan.events + 1)):
        # Even in logarithms: weak sparks are as likely as strong ones.
        rnr = float(np.exp(rng.uniform(np.log(plan.rnr_min), np.log(plan.rnr_max))))
        gains, burst = draw_gains(rng, kspace.n_coils), draw_burst(rng)
        within = _draw_within(rng, plan.centre_share)
        place = _draw_free_place(rng, kspace, radius, burst.size, within, taken)
        if place is None:
            break
        partition, line, column = place
        event = _Event(gains, burst, rnr, rnr * unit, column)
        number = n_before + len(sparks)
        # A spark comes back later in time: the order is that of acquisition, not of lines.
        first = places.index((partition, line))
        sparks.append(_spark(acquired, event, first, radius))
        taken.add((partition, line))
        for later, weaker in _repeats(rng, acquired, first, event):
            if places[later] not in taken:
                taken.add(places[later])
                sparks.append(_spark(acquired, weaker, later, radius, repeat_of=number))
    return sparks


def _draw_free_place(
    rng: np.random.Generator,
    kspace: KSpace,
    radius: FloatArray,
    n_samples: int,
    within: float,
    taken: Collection[tuple[int, int]],
) -> tuple[int, int, int] | None:
    """Draw a place as :func:`draw_place` does, in a readout that has no spark yet; None where there is none."""
    place = draw_place(rng, kspace, radius, n_samples, within=within)
    if place[:2] not in taken:
        return place
    free = kspace.sampled.copy()
    for readout in taken:
        free[readout] = False
    if not sliding_window_view(free, n_samples, axis=-1).all(axis=-1).any():
        return None
    return draw_place(rng, replace(kspace, sampled=free), radius, n_samples, within=within)


def _draw_within(rng: np.random.Generator, centre_share: float) -> float:
    """Draw the radius below which a spark is put: little of k-space is centre, and there the problem lies."""
    if rng.random() >= centre_share:
        return float(np.inf)
    # Two discs, one within the other: of sparks in the larger one alone, one in nine would lie in the smaller.
    return INNER_RADIUS if rng.random() < 0.5 else OUTER_RADIUS


@dataclass(frozen=True, eq=False)
class _Event:
    """Gains ``(coil,)``, relative samples ``(sample,)``, strength, amplitude and first column of a spark."""

    gains: ComplexArray
    burst: ComplexArray
    rnr: float
    peak: float
    column: int

    def weaker(self, share: float) -> _Event:
        """Give it with a share of its strength; the same gains and shape, as the same source is heard again."""
        return replace(self, rnr=self.rnr * share, peak=self.peak * share)


def _repeats(rng: np.random.Generator, acquired: AcquiredKSpace, first: int, event: _Event) -> list[tuple[int, _Event]]:
    """Say in which readouts a spark comes back, and as what: a loose contact does so at one sample soon after."""
    if rng.random() >= REPEAT_SHARE:
        return []
    steps = rng.integers(1, MAX_REPEAT_DISTANCE + 1, rng.integers(1, MAX_REPEATS + 1))
    repeats = [(int(number), event.weaker(float(rng.uniform(0.5, 1.0)))) for number in first + np.cumsum(steps)]
    return [(number, weaker) for number, weaker in repeats if _reaches(acquired, number, event)]


def _reaches(acquired: AcquiredKSpace, number: int, event: _Event) -> bool:
    if number >= len(acquired.readouts):
        return False
    readout = acquired.readouts[number]
    # Readouts of a partial echo or of another length may not reach the columns of the first.
    columns = acquired.kspace.sampled[readout.partition, readout.line]
    return bool(np.all(columns[event.column : event.column + event.burst.size]))


def _spark(
    acquired: AcquiredKSpace, event: _Event, number: int, radius: FloatArray, repeat_of: int | None = None
) -> SimulatedSpark:
    readout = acquired.readouts[number]
    place = readout.partition, readout.line
    # From columns of the k-space to samples of the readout as recorded, its discarded ones included.
    begin = int(np.argmax(acquired.kspace.sampled[place])) - readout.n_discarded[0]
    return SimulatedSpark(
        acquisition=cast(int, readout.source),
        scan_counter=readout.scan_counter,
        time_stamp=readout.time_stamp,
        indices=readout.indices,
        partition=readout.partition,
        line=readout.line,
        first_sample=event.column - begin,
        first_column=event.column,
        n_samples=event.burst.size,
        receivers=tuple(int(coil) for coil in np.flatnonzero(event.gains)),
        gains=_pairs(event.gains),
        burst=_pairs(event.burst),
        peak_amplitude=event.peak,
        rnr=event.rnr,
        radius=float(radius[(*place, event.column + event.burst.size // 2)]),
        repeat_of=repeat_of,
    )


def _pairs(values: ComplexArray) -> tuple[Complex, ...]:
    return tuple((float(value.real), float(value.imag)) for value in values)
