"""Figures of merit: what was found, what harm was done, how much error is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, median
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
            rank = int(self.radius >= INNER_RADIUS) + int(self.radius > OUTER_RADIUS)
        elif grouping == "strength":
            rank = int(self.rnr >= WEAK_RNR) + int(self.rnr > STRONG_RNR)
        elif grouping == "receivers":
            rank = int(self.n_receivers > 1) + int(self.n_receivers > 3)
        else:
            rank = int(self.n_hit > 1)
        return GROUPS[grouping][rank]


SELECTIONS: dict[str, Callable[[ScoredEvent], bool]] = {
    "r < 0.1, 1 receiver": lambda event: event.radius < INNER_RADIUS and event.n_receivers == 1,
    "r < 0.1, 2-3 receivers": lambda event: event.radius < INNER_RADIUS and event.n_receivers in (2, 3),
    "r < 0.1, >= 4 receivers": lambda event: event.radius < INNER_RADIUS and event.n_receivers >= 4,
    "r < 0.1, rnr >= 1": lambda event: event.radius < INNER_RADIUS and event.rnr >= STRONG_RNR,
    "rnr >= 0.25": lambda event: event.rnr >= WEAK_RNR,
}
"""What is looked at beside the classes: the centre is where methods differ, and weak sparks hardly show in an image."""


@dataclass(frozen=True)
class Proportion:
    """A count out of a number of trials, and its Wilson interval at 95 %."""

    count: int
    trials: int

    @property
    def share(self) -> float:
        """The count over the trials; not a number where there were none."""
        return self.count / self.trials if self.trials else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the interval.

        References
        ----------
        Wilson EB, J Am Stat Assoc 1927;22:209-212, doi:10.1080/01621459.1927.10502953.
        """
        if not self.trials:
            return 0.0, 1.0
        z = NormalDist().inv_cdf(0.975)
        # Wilson's and not the usual interval, which has no width where none or all were found.
        shrink = 1 + z**2 / self.trials
        centre = (self.share + z**2 / (2 * self.trials)) / shrink
        half = z / shrink * sqrt(self.share * (1 - self.share) / self.trials + z**2 / (4 * self.trials**2))
        return max(centre - half, 0.0), min(centre + half, 1.0)


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


@dataclass(frozen=True)
class FileScore:
    """One rival on one file.

    ``harmed`` are the changed samples of the clean file; ``counts_as_clean`` is false where the file holds
    interference of its own. ``errors_left`` has one value per run.
    """

    file: str
    rival: str
    n_kspaces: int
    harmed: int
    counts_as_clean: bool
    events: tuple[ScoredEvent, ...]
    errors_left: tuple[float, ...]
    seconds_per_kspace: float

    @property
    def found(self) -> Proportion:
        """Events found."""
        return found_of(self.events)


@dataclass(frozen=True)
class Total:
    """One rival over all files that count as clean."""

    rival: str
    found: Proportion
    by_group: dict[Grouping, dict[str, Proportion]]
    selected: dict[str, Proportion]
    harmed: int
    n_kspaces: int
    untouched: Proportion
    median_error_left: float
    worst_error_left: float
    seconds_per_kspace: float

    @property
    def harm_per_kspace(self) -> float:
        """Changed samples per clean k-space."""
        return self.harmed / self.n_kspaces if self.n_kspaces else float("nan")


def found_of(events: Iterable[ScoredEvent]) -> Proportion:
    """Count the events that were found."""
    found = [event.found for event in events]
    return Proportion(sum(found), len(found))


def by_group(events: Sequence[ScoredEvent], grouping: Grouping) -> dict[str, Proportion]:
    """Count the events that were found in each class, in the classes' order."""
    return {name: found_of(event for event in events if event.group(grouping) == name) for name in GROUPS[grouping]}


def total(scores: Sequence[FileScore]) -> Total:
    """Put the files of one rival together; those that do not count as clean are left out.

    Raises
    ------
    ValueError
        The scores are not those of exactly one rival.
    """
    rivals = {score.rival for score in scores}
    if len(rivals) != 1:
        raise ValueError(f"expected the scores of one rival, found {sorted(rivals)}")
    clean = [score for score in scores if score.counts_as_clean]
    events = [event for score in clean for event in score.events]
    # A run without an error before has none left to speak of (NaN), and would spoil the median.
    errors = [error for score in clean for error in score.errors_left if error == error]
    n_kspaces = sum(score.n_kspaces for score in clean)
    # By k-spaces, as files hold one or hundreds of them.
    seconds = sum(score.seconds_per_kspace * score.n_kspaces for score in clean)
    return Total(
        rival=rivals.pop(),
        found=found_of(events),
        by_group={grouping: by_group(events, grouping) for grouping in GROUPS},
        selected={name: found_of(filter(is_selected, events)) for name, is_selected in SELECTIONS.items()},
        harmed=sum(score.harmed for score in clean),
        n_kspaces=n_kspaces,
        untouched=Proportion(sum(score.harmed == 0 for score in clean), len(clean)),
        median_error_left=median(errors) if errors else float("nan"),
        worst_error_left=max(errors, default=float("nan")),
        seconds_per_kspace=seconds / n_kspaces if n_kspaces else float("nan"),
    )
