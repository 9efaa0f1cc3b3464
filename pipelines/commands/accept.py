"""``despark accept``: which of the sparks that were put in came back repaired, and what else was changed.

It looks at raw files alone, so it tells the same of a Gadgetron at the scanner, of a worker and of the embedded host::

    despark simulate scan.h5 sparked.h5 --truth truth.json
    despark replay sparked.h5 -o repaired.h5 --pipeline repair_raw --host scanner-gadgetron:9002
    despark accept sparked.h5 repaired.h5 --truth truth.json
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import RenderableType

from gadgets.errors import RawDataError
from gadgets.findings import counted
from gadgets.indices import Indices
from gadgets.kspace import is_imaging
from pipelines.benchmark import OUTER_RADIUS
from pipelines.commands.terminal.comparison import LEGEND, found_counts, found_table, harm_table, list_of_sparks
from pipelines.commands.terminal.progress import OnStep, ignore, watched, working
from pipelines.commands.terminal.shell import Group, JsonFile, Quiet, open_shell, verbose_option
from pipelines.files import RawAcquisition, RawFile, RawItem, check_apart, read_kspaces
from pipelines.phantom import Comparison, RepairedPlace, SimulatedSpark, Truth, compare, peak_of, strongest

SAME_SAMPLE = 1e-4
# Percent, a rule of ours: the weakest sparks may be missed.
NEARLY_ALL = 90.0


def accept(
    sparked: Annotated[Path, typer.Argument(metavar="SPARKED.h5", help="From despark simulate.", show_default=False)],
    repaired: Annotated[Path, typer.Argument(metavar="REPAIRED.h5", help="What came back.", show_default=False)],
    truth: Annotated[
        Path | None, typer.Option(metavar="T.json", help="What was put in; without it, the scan is taken as clean.")
    ] = None,
    require: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=100,
            metavar="PERCENT",
            show_default=False,
            help=f"End with exit code 1 where fewer of the sparks beyond {OUTER_RADIUS:g} of the radius are repaired. "
            f"The last line says so in any case, for {NEARLY_ALL:g} without this option.",
        ),
    ] = None,
    group: Group = "dataset",
    json_file: JsonFile = None,
    verbose: Annotated[int, verbose_option("List the sparks that were not repaired")] = 0,
    quiet: Quiet = False,
) -> None:
    """Count simulated sparks that came back repaired.

    It compares two raw files, whatever made the second one of the first. A spark is what was put in at one moment, and
    it counts as repaired where less than half of it is left. It also sees that nothing but samples was
    changed: the exit code is 1 where something else was. How many sparks have to be repaired, --require says.

    Example: despark accept sparked.h5 repaired.h5 --truth truth.json
    """
    shell = open_shell(verbose, quiet, json_file)
    check_apart([json_file], [sparked, repaired, *([truth] if truth is not None else [])])
    if require is not None and truth is None:
        raise typer.BadParameter("expected --truth beside --require, found none")
    with working(shell, f"comparing {sparked} with {repaired}") as work:
        comparison = compare_files(sparked, repaired, truth, group, lambda *n: work.bar("acquisitions", *n), work.phase)
    found = {"sparked": str(sparked), "repaired": str(repaired), "truth": None if truth is None else str(truth)}
    shell.write_json(json.dumps(found | found_counts(comparison), indent=1))
    shown: list[RenderableType] = [] if truth is None else [found_table(comparison), LEGEND]
    if verbose and truth is not None:
        sparks = Truth.read(truth).sparks
        missed = [spark for spark, is_found in zip(sparks, comparison.found, strict=True) if not is_found]
        shown += [list_of_sparks(missed, "Not repaired")] if missed else []
    is_enough, verdict = judge(comparison, NEARLY_ALL if require is None else require)
    if truth is None:
        verdict = f"{sparked}: taken as clean, because no --truth was given"
    shell.show(*shown, harm_table(comparison), verdict)
    if require is not None and not is_enough:
        raise typer.Exit(1)


def judge(comparison: Comparison, percent: float) -> tuple[bool, str]:
    """Say whether enough sparks were repaired, of those beyond the centre: near it some may be missed."""
    outer = [event.found for event in comparison.events if event.radius > OUTER_RADIUS]
    if not outer:
        return False, f"Not accepted: no spark lies beyond {OUTER_RADIUS:g} of the radius"
    is_enough = 100 * sum(outer) >= percent * len(outer)
    return is_enough, (
        f"{'Accepted' if is_enough else 'Not accepted'}: {sum(outer)} of {counted(len(outer), 'spark')} "
        f"beyond {OUTER_RADIUS:g} of the radius repaired (at least {percent:g} % expected)"
    )


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
