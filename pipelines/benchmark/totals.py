"""Figures of merit over many sparks and files: shares with their intervals, and what all files of a rival give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, median

from pipelines.benchmark.score import GROUPS, STRONG_RNR, WEAK_RNR, Grouping, ScoredEvent
from pipelines.benchmark.sparks import INNER_RADIUS

SELECTIONS: dict[str, Callable[[ScoredEvent], bool]] = {
    "r < 0.1, 1 receiver": lambda event: event.radius < INNER_RADIUS and event.n_receivers == 1,
    "r < 0.1, 2-3 receivers": lambda event: event.radius < INNER_RADIUS and event.n_receivers in (2, 3),
    "r < 0.1, >= 4 receivers": lambda event: event.radius < INNER_RADIUS and event.n_receivers >= 4,
    "r < 0.1, rnr >= 0.25": lambda event: event.radius < INNER_RADIUS and event.rnr >= WEAK_RNR,
    "… with 1 receiver": lambda event: event.radius < INNER_RADIUS and event.rnr >= WEAK_RNR and event.n_receivers == 1,
    "… with more": lambda event: event.radius < INNER_RADIUS and event.rnr >= WEAK_RNR and event.n_receivers > 1,
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
        # By their rounding errors alone the ends may lie beyond 0 and 1.
        return max(centre - half, 0.0), min(centre + half, 1.0)


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
