"""A pattern: what many sparks have in common, and when it is more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from gadgets.indices import Indices
from gadgets.records import Record

CHANCE = 1e-3
"""Probability that sparks without anything in common look as if they had it."""

FEWEST = 4
"""Sparks that can show a pattern in time or place."""

MOST_OF_THEM = 0.8


class Extent(NamedTuple):
    """Size of a k-space.

    Attributes
    ----------
    shape
        Receivers, partitions, lines and samples.
    centre
        Its partition, line and sample; zeros where it is not known.
    """

    shape: tuple[int, int, int, int]
    centre: tuple[int, int, int] = (0, 0, 0)

    def over(self, other: Extent) -> Extent:
        """Give the extent that both lie in, with this one's centre."""
        receivers, partitions, lines, samples = map(max, self.shape, other.shape)
        return Extent((receivers, partitions, lines, samples), self.centre)


Extents: TypeAlias = Mapping[Indices, Extent]

Spans: TypeAlias = Mapping[Indices, tuple[int, int]]
"""First and last time stamp of each k-space; those of which no time is known are left out."""

Kind = Literal["receivers", "everywhere", "position", "moment", "gradient", "end"]


class Pattern(Record):
    """What sparks have in common: ``brief`` completes a sentence, ``advice`` says what it may come from."""

    kind: Kind
    brief: str
    advice: str


def is_no_chance(n: int, k: int, probability: float, n_choices: int = 1) -> bool:
    """Tell whether so many sparks hardly share a property by chance.

    Parameters
    ----------
    n, k
        All sparks, and those that have the property.
    probability
        That a spark without any cause has it.
    n_choices
        In so many places the property could have shown itself.
    """
    # The upper tail of the binomial distribution; for all places together the sum of theirs is a bound (Bonferroni).
    tail = sum(_chance_of(each, n, probability) for each in range(k, n + 1)) if 0 < probability < 1 else probability
    return n_choices * tail <= CHANCE


def _chance_of(k: int, n: int, probability: float) -> float:
    # By logarithms: of a thousand sparks the coefficient alone is beyond any number that a computer knows.
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(probability) + (n - k) * math.log1p(-probability))
