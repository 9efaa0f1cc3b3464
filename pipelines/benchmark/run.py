"""Every rival on the k-spaces of one file: clean, then with sparks in seeded runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from zlib import crc32

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.kspace import KSpace
from pipelines.benchmark.rivals import InformedRival, Rival
from pipelines.benchmark.score import FileScore, ImageError, ScoredEvent, count_changed, image_of, score_event
from pipelines.benchmark.sparks import SparkEvent, add_sparks

INNER_RUN = 3
"""Of every four runs, the one that puts sparks in the inner ring only."""


def score_file(
    name: str,
    kspaces: Sequence[KSpace],
    rivals: Mapping[str, Rival | InformedRival],
    *,
    seed: int,
    n_runs: int = 4,
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
    seed
        Of the random draws.
    n_runs
        How often sparks are put in; 0 counts the harm only.
    counts_as_clean
        Whether the file is free of real interference; if not, no sparks are put in.
    advance
        Called after each k-space of the clean file and of each run.
    """
    tallies = {rival: _Tally(repair, n_runs if counts_as_clean else 0) for rival, repair in rivals.items()}
    for number, clean in enumerate(kspaces):
        # Once for all rivals and runs of this k-space.
        clean_image = image_of(clean.data)
        for tally in tallies.values():
            tally.harmed += count_changed(clean, tally.timed(clean))
        advance()
        for run in range(n_runs if counts_as_clean else 0):
            # By the file's name: what else is scored, and in which order, must not change its sparks.
            rng = np.random.default_rng([seed, crc32(name.encode()), run, number])
            before, events = add_sparks(clean, rng, only_inner=run % 4 == INNER_RUN)
            before_image = image_of(before.data)
            for tally in tallies.values():
                after = tally.timed(before, events)
                tally.events += [score_event(event, clean, before, after) for event in events]
                # Run by run over all k-spaces: the error of a single one may be next to nothing before.
                tally.errors[run].add(clean_image, before_image, image_of(after))
            advance()
    return [tally.score(name, rival, len(kspaces), counts_as_clean) for rival, tally in tallies.items()]


class _Tally:
    """What one rival has gathered on one file."""

    def __init__(self, repair: Rival | InformedRival, n_runs: int) -> None:
        self.repair = repair
        self.harmed = 0
        self.events: list[ScoredEvent] = []
        self.errors = [ImageError() for _ in range(n_runs)]
        self.seconds: list[float] = []

    def timed(self, kspace: KSpace, events: Sequence[SparkEvent] = ()) -> ComplexArray:
        started = perf_counter()
        repair = self.repair
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
