"""Every rival on the k-spaces of one file: clean, then with sparks in seeded runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from zlib import crc32

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.kspace import KSpace
from pipelines.benchmark.rivals import AnyRival, InformedRival, ScanRival
from pipelines.benchmark.score import ImageError, ScoredEvent, count_changed, image_of, score_event
from pipelines.benchmark.series import SERIES_KINDS, simulate_series
from pipelines.benchmark.sparks import SparkEvent, add_sparks
from pipelines.benchmark.totals import FileScore

INNER_RUN = 3
"""Of every four runs, the one that puts sparks in the inner ring only."""


@dataclass(frozen=True)
class Draws:
    """How often sparks are drawn, and into what.

    Attributes
    ----------
    seed
        Of all that is random.
    n_runs
        How often sparks are put in; 0 counts the harm only. Each run is a scan.
    n_series
        How often each k-space is acquired: more than once, it is made a series, and scored from the second one on.
    series_kind
        What the series is made of: one of :data:`SERIES_KINDS`.
    """

    seed: int
    n_runs: int = 4
    n_series: int = 1
    series_kind: str = "repetitions"


def score_file(
    name: str,
    kspaces: Sequence[KSpace],
    rivals: Mapping[str, AnyRival],
    draws: Draws,
    *,
    counts_as_clean: bool = True,
    advance: Callable[[], None] = lambda: None,
) -> list[FileScore]:
    """Score all rivals on the same sparks; their draws depend on seed, file name, run and k-space alone.

    Parameters
    ----------
    name
        The file's name, for the report and the draws.
    kspaces
        All k-spaces of the file, without sparks.
    rivals
        By name, what repairs a k-space.
    draws
        How often sparks are put in.
    counts_as_clean
        Whether the file is free of real interference; if not, no sparks are put in.
    advance
        Called after each k-space of the clean file and of each run.
    """
    n_runs, n_series = draws.n_runs if counts_as_clean else 0, draws.n_series
    tallies = {rival: _Tally(repair, n_runs) for rival, repair in rivals.items()}
    # Not Python's own hash, which differs from one process to the next.
    key = crc32(name.encode())
    for number, recorded in enumerate(kspaces):
        rng = np.random.default_rng([draws.seed, key, number])
        for step, clean in enumerate(_series_of(recorded, rng, n_series, draws.series_kind)):
            # By the file's name: what else is scored, and in which order, must not change its sparks.
            of_runs = [[draws.seed, key, run, number, *[step] * (n_series > 1)] for run in range(n_runs)]
            # The first of a series has no earlier ones to be compared with.
            is_scored = step > 0 or n_series == 1
            _score_kspace(clean, list(tallies.values()), of_runs, advance, is_scored=is_scored)
    # The first of each series is not counted, see above.
    n_scored = len(kspaces) * max(n_series - 1, 1)
    return [tally.score(name, rival, n_scored, counts_as_clean) for rival, tally in tallies.items()]


def _score_kspace(
    clean: KSpace,
    tallies: Sequence[_Tally],
    seeds: Sequence[list[int]],
    advance: Callable[[], None],
    *,
    is_scored: bool,
) -> None:
    """Score all rivals on one k-space: as it is, then with the sparks of each seed."""
    # Once for all rivals and runs of this k-space.
    clean_image = image_of(clean.data)
    for tally in tallies:
        # A rival that remembers the scan is to see each k-space, scored or not.
        tally.harmed += count_changed(clean, tally.timed(clean)) * is_scored
    advance()
    for run, seed in enumerate(seeds):
        # Little of k-space is centre: without runs of its own the inner ring would have hardly any sparks.
        before, events = add_sparks(clean, np.random.default_rng(seed), only_inner=run % 4 == INNER_RUN)
        before_image = image_of(before.data)
        for tally in tallies:
            after = tally.timed(before, events, 1 + run)
            if is_scored:
                tally.events += [score_event(event, clean, before, after) for event in events]
                # Run by run over all k-spaces: the error of a single one may be next to nothing before.
                tally.errors[run].add(clean_image, before_image, image_of(after))
        advance()


def _series_of(recorded: KSpace, rng: np.random.Generator, n_series: int, kind: str) -> list[KSpace]:
    return [recorded] if n_series == 1 else simulate_series(recorded, rng, n_series, *SERIES_KINDS[kind])


class _Tally:
    """What one rival has gathered on one file: a scan without sparks, and one for each run."""

    def __init__(self, repair: AnyRival, n_runs: int) -> None:
        # The clean file and each run are scans of their own: what one has shown must not help in another.
        self._scans = [repair.open() if isinstance(repair, ScanRival) else repair for _ in range(1 + n_runs)]
        self.harmed = 0
        self.events: list[ScoredEvent] = []
        self.errors = [ImageError() for _ in range(n_runs)]
        self.seconds: list[float] = []

    def timed(self, kspace: KSpace, events: Sequence[SparkEvent] = (), scan: int = 0) -> ComplexArray:
        # Wall time, as a scanner waits by it.
        started = perf_counter()
        repair = self._scans[scan]
        repaired = repair.repair(kspace, events) if isinstance(repair, InformedRival) else repair(kspace)
        self.seconds.append(perf_counter() - started)
        return repaired

    def score(self, file: str, rival: str, n_kspaces: int, counts_as_clean: bool) -> FileScore:
        return FileScore(
            file=file,
            rival=rival,
            n_kspaces=n_kspaces,
            harmed=self.harmed,
            counts_as_clean=counts_as_clean,
            events=tuple(self.events),
            errors_left=tuple(error.left for error in self.errors),
            seconds_per_kspace=float(np.mean(self.seconds)) if self.seconds else float("nan"),
        )
