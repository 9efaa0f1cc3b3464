"""Compares two raw files: what went into a repair, and what came out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np

from gadgets.errors import RawDataError
from gadgets.indices import Indices
from gadgets.kspace import is_imaging
from pipelines.files import RawAcquisition, RawFile, RawItem, read_kspaces
from pipelines.phantom.compare_truth import Comparison, RepairedPlace, compare, peak_of, strongest
from pipelines.phantom.spark_truth import SimulatedSpark, Truth
from pipelines.phantom.steps import OnStep, ignore, watched

SAME_SAMPLE = 1e-4


def compare_files(
    sparked: Path,
    repaired: Path,
    truth: Path | None,
    group: str = "dataset",
    on_checked: OnStep = ignore,
    on_phase: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Compare what went into a repair with what came out of it; without a truth there were no sparks.

    Parameters
    ----------
    sparked, repaired, truth, group
        The files, and the group of the raw data in them.
    on_checked
        Called with the number of items that were seen to be the same, and of all.
    on_phase
        Called with what begins then.

    Raises
    ------
    RawDataError
        A file cannot be read, the first does not hold the sparks of the truth, or something else than samples of
        imaging readouts was changed.
    """
    sparks = () if truth is None else Truth.read(truth).sparks
    if n_lacking := count_lacking(sparked, sparks, group):
        raise RawDataError(
            f"{sparked} does not hold the sparks of {truth} ({n_lacking} of {len(sparks)} are not there): "
            "give the file that despark simulate wrote first"
        )
    check_whole(sparked, repaired, group, on_checked)
    on_phase("looking for changed samples")
    return compare(sparks, changed_places(sparked, repaired, group))


def check_whole(before: Path, after: Path, group: str = "dataset", on_checked: OnStep = ignore) -> None:
    """See that the same acquisitions and waveforms lie in both files, but for samples of imaging readouts.

    Raises
    ------
    RawDataError
        They do not; names the first that is missing or differs.
    """
    with RawFile(before, group) as first, RawFile(after, group) as second:
        pairs = watched(zip_longest(first, second), first.n_acquisitions + first.n_waveforms, on_checked)
        for number, (old, new) in enumerate(pairs):
            if old is None or new is None:
                raise RawDataError(f"{before if old is None else after}: ends before item {number} of the other file")
            if _fixed(old) != _fixed(new):
                raise RawDataError(f"{after}: item {number} of the scan is not that of {before}")


def count_lacking(sparked: Path, sparks: Sequence[SimulatedSpark], group: str = "dataset") -> int:
    """Count the sparks that a file does not hold, as far as the truth tells; an older truth does not."""
    told: dict[Indices, list[tuple[SimulatedSpark, complex]]] = {}
    for spark in sparks:
        if spark.sparked is not None:
            told.setdefault(spark.indices, []).append((spark, complex(*spark.sparked)))
    if not told:
        return 0
    n_lacking = sum(len(of_kspace) for of_kspace in told.values())
    for acquired in read_kspaces(sparked, group):
        data = acquired.kspace.data
        for spark, value in told.get(acquired.kspace.indices, []):
            place = strongest(spark), *peak_of(spark)
            inside = all(number < size for number, size in zip(place, data.shape, strict=True))
            # Far below the spark itself, far above the rounding of samples.
            n_lacking -= inside and abs(data[place] - value) <= SAME_SAMPLE * (spark.peak_amplitude + abs(value))
    return int(n_lacking)


def changed_places(before: Path, after: Path, group: str = "dataset") -> Iterator[RepairedPlace]:
    """Give every sample of the k-spaces that differs, and in which receivers."""
    for old, new in zip(read_kspaces(before, group), read_kspaces(after, group), strict=True):
        # Samples that are not numbers stay as they are; two of them are not equal, though.
        differs = old.kspace.data.view(np.uint64) != new.kspace.data.view(np.uint64)
        for partition, line, sample in np.argwhere(differs.any(axis=0)).tolist():
            receivers = np.flatnonzero(differs[:, partition, line, sample]).tolist()
            place = (receivers, partition, line, sample)
            change = new.kspace.data[place].astype(np.complex128) - old.kspace.data[place]
            yield RepairedPlace(old.kspace.indices, (partition, line, sample), tuple(receivers), tuple(change.tolist()))


def _fixed(item: RawItem) -> bytes:
    """Give what a repair never changes: all of an item but the samples of an imaging readout."""
    if isinstance(item, RawAcquisition) and is_imaging(int(item.fields["flags"])):
        return item.header + item.trajectory.tobytes()
    return item.to_bytes()
