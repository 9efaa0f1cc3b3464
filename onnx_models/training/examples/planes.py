"""Clean planes, of phantoms and of varied recordings, and what is made of each of them in several processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np

from gadgets.arrays import ComplexArray
from onnx_models.training.examples.phantoms import phantom_plane
from onnx_models.training.examples.processes import in_processes
from onnx_models.training.examples.recordings import vary

PLANES_PER_TASK = 50
# Of all planes: phantoms give variety that the recordings at hand lack, the rest is what scanners really give.
PHANTOM_SHARE = 0.4

MadeT = TypeVar("MadeT")
OnTask: TypeAlias = Callable[[int, int], None]


def from_planes(
    recordings: Mapping[str, Sequence[ComplexArray]],
    n_planes: int,
    seed: int,
    processes: int,
    make: Callable[[ComplexArray, np.random.Generator], MadeT],
    *,
    planes_per_task: int = PLANES_PER_TASK,
    phantom_share: float = PHANTOM_SHARE,
    on_task: OnTask = lambda _done, _total: None,
) -> list[MadeT]:
    """Make something from each of `n_planes` clean planes, rounded up to whole tasks.

    Parameters
    ----------
    recordings
        Clean planes ``(coil, line, sample)`` per source.
    seed
        The same seed makes the same, whatever the number of processes.
    make
        A function of a module, as other processes call it.
    planes_per_task
        Planes that are drawn from one seed.
    phantom_share
        Of all planes; the rest are varied recordings.
    on_task
        Called with how many tasks of how many are done.
    """
    # A seed for each task, not for each process: their number must not change the examples.
    seeds = np.random.SeedSequence(seed).spawn(-(-n_planes // planes_per_task))
    work = partial(_batch, make, planes_per_task, phantom_share)
    made: list[MadeT] = []
    # Recordings go to each process once, and not with every task.
    for number, batch in enumerate(in_processes(work, seeds, processes, _remember, dict(recordings)), 1):
        made += batch
        on_task(number, len(seeds))
    return made


_RECORDINGS: dict[str, Sequence[ComplexArray]] = {}


def _remember(recordings: dict[str, Sequence[ComplexArray]]) -> None:
    _RECORDINGS.update(recordings)


def _batch(
    make: Callable[[ComplexArray, np.random.Generator], MadeT],
    n_planes: int,
    phantom_share: float,
    seed: np.random.SeedSequence,
) -> list[MadeT]:
    rng = np.random.default_rng(seed)
    return [make(_clean_plane(rng, phantom_share), rng) for _ in range(n_planes)]


def _clean_plane(rng: np.random.Generator, phantom_share: float) -> ComplexArray:
    if not _RECORDINGS or rng.random() < phantom_share:
        return phantom_plane(rng)
    # A source first, then a plane of it: large files must not outweigh small ones.
    planes = _RECORDINGS[str(rng.choice(sorted(_RECORDINGS)))]
    plane = planes[int(rng.integers(len(planes)))]
    return plane if rng.random() < 0.3 else vary(plane, rng)
