"""``despark simulate``: physical sparks into a raw file, for acceptance tests.

Complex and additive, in the samples as recorded: a burst of up to six samples of one readout, in all receivers with
different gains and phases or in a single one; some come back at the same sample of later readouts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from gadgets.arrays import ComplexArray
from gadgets.errors import RawDataError, SettingsError
from gadgets.findings import counted, ranges_of
from gadgets.kspace import KSpace
from gadgets.outside import whole_number
from pipelines.benchmark import MAX_EVENTS, MAX_RNR, MIN_RNR, noise_sigma
from pipelines.commands.terminal.comparison import list_of_sparks
from pipelines.commands.terminal.progress import OnStep, ignore, watched, working
from pipelines.commands.terminal.shell import Group, JsonFile, Quiet, open_shell, verbose_option
from pipelines.files import (
    RawAcquisition,
    RawFile,
    RawItem,
    check_apart,
    check_folder,
    read_kspaces,
    readable,
    whole_or_nothing,
    write_raw_file,
)
from pipelines.phantom import (
    SimulatedKSpace,
    SimulatedSpark,
    SparkPlan,
    Truth,
    added_at_peak,
    draw_in_kspace,
    peak_of,
    strongest,
)

MOST_REPETITIONS = 65535
"""The counter of a readout has 16 bits."""

MOST_EVENTS = 1_000_000
"""More than any k-space has readouts."""

MOST_RNR = 1e6
"""A number that readouts of 32 bits still hold, whatever their scale."""


def simulate(
    raw_file: Annotated[Path, typer.Argument(metavar="IN.h5", help="MRD raw file.", show_default=False)],
    output: Annotated[Path, typer.Argument(metavar="OUT.h5", help="The same with sparks.", show_default=False)],
    truth: Annotated[
        Path, typer.Option(metavar="T.json", help="File for the list of what was put in.", show_default=False)
    ],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random draws.")] = 0,
    rnr_min: Annotated[
        float, typer.Option(max=MOST_RNR, help="Ripple of the weakest spark, in units of the image noise.")
    ] = MIN_RNR,
    rnr_max: Annotated[float, typer.Option(max=MOST_RNR, help="Ripple of the strongest spark.")] = MAX_RNR,
    events: Annotated[
        int, typer.Option(min=1, max=MOST_EVENTS, help="Most sparks per k-space, repeats aside.")
    ] = MAX_EVENTS,
    centre_share: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of them near the centre: half within 0.1 of the radius, half 0.3."),
    ] = 0.5,
    repetitions: Annotated[
        str, typer.Option(metavar="0,3-5", help="Only into these repetitions of a series. Default: into all.")
    ] = "",
    group: Group = "dataset",
    json_file: JsonFile = None,
    verbose: Annotated[int, verbose_option("List the sparks")] = 0,
    quiet: Quiet = False,
) -> None:
    """Put physical sparks into a raw file.

    A spark is what is recorded at one moment: a few samples of one readout, in one or all receivers. Sparks go into
    imaging readouts only. All else is copied as it is. The same seed gives the same sparks. The truth lists the place
    and the strength of each, for despark accept.

    Example: despark simulate scan.h5 sparked.h5 --truth truth.json --seed 1
    """
    shell = open_shell(verbose, quiet, json_file)
    check_apart([json_file, output, truth], [raw_file])
    plan = SparkPlan(seed, rnr_min, rnr_max, events, centre_share, numbers_of(repetitions))
    with working(shell, f"putting sparks into {raw_file}") as work:
        work.phase("drawing sparks")
        result = simulate_file(
            raw_file, output, truth, plan, group, lambda done, total: work.bar("writing", done, total)
        )
    n_kspaces, n_sparks = len(result.kspaces), len(result.sparks)
    summary = {
        "input": str(raw_file), "output": str(output), "truth": str(truth), "seed": seed,
        "k_spaces": n_kspaces, "sparks": n_sparks,
    }  # fmt: skip
    shell.write_json(json.dumps(summary, indent=1))
    if verbose:
        shell.show(list_of_sparks(result.sparks, "Sparks that were put in"))
    shell.show(f"{output}: {counted(n_sparks, 'spark')} in {_where(result)}; their places are in {truth}")


def _where(truth: Truth) -> str:
    """Say where the sparks are: in how many k-spaces, and of a series in how many repetitions."""
    hit = {spark.indices for spark in truth.sparks}
    all_of_them = {kspace.indices.repetition for kspace in truth.kspaces}
    of_series = f", {len({each.repetition for each in hit})} of {len(all_of_them)} repetitions"
    return f"{len(hit)} of {counted(len(truth.kspaces), 'k-space')}{of_series if len(all_of_them) > 1 else ''}"


def numbers_of(text: str) -> tuple[int, ...]:
    """Read numbers and ranges of them, as ``0,3-5``; none where there is no text.

    Raises
    ------
    SettingsError
        It is something else.
    """
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        start, stop = whole_number(first.strip()), whole_number((last or first).strip())
        if start is None or stop is None or not start <= stop <= MOST_REPETITIONS:
            raise SettingsError(f"--repetitions: expected numbers and ranges as 0,3-5, found {part!r}")
        numbers += range(start, stop + 1)
    return tuple(numbers)


def simulate_file(
    raw_file: Path, output: Path, truth: Path, plan: SparkPlan, group: str = "dataset", on_written: OnStep = ignore
) -> Truth:
    """Read a raw file twice: once to draw the sparks, once to copy it with them.

    Parameters
    ----------
    raw_file, output, truth
        To read and to write.
    plan
        Which sparks are put in.
    group
        Of the raw data in the file.
    on_written
        Called with the number of acquisitions and waveforms that were written, and of all.

    Raises
    ------
    RawDataError
        The file cannot be read or written, an output would replace it, or it holds no imaging data.
    """
    for path in (output, truth):
        check_folder(path)
    check_apart([output, truth], [raw_file])
    result = draw_sparks(raw_file, plan, group)
    with RawFile(raw_file, group) as raw, whole_or_nothing(truth) as temporary:
        result.write(temporary)
        items = watched(raw, raw.n_acquisitions + raw.n_waveforms, on_written)
        write_raw_file(output, raw.header_xml, with_sparks(items, result.sparks), group)
    return result


def draw_sparks(raw_file: Path, plan: SparkPlan, group: str = "dataset") -> Truth:
    """Draw the sparks of all k-spaces of a file.

    Raises
    ------
    RawDataError
        The file cannot be read, or holds no imaging data.
    """
    sparks: list[SimulatedSpark] = []
    kspaces: list[SimulatedKSpace] = []
    for number, acquired in enumerate(read_kspaces(raw_file, group)):
        # Of each k-space by itself: its sparks do not depend on how many random numbers those before took.
        rng = np.random.default_rng([plan.seed, number])
        indices, n_samples = acquired.kspace.indices, int(np.count_nonzero(acquired.kspace.sampled))
        kspaces.append(SimulatedKSpace(indices=indices, sigma=noise_sigma(acquired.kspace), n_samples=n_samples))
        drawn = draw_in_kspace(acquired, plan, rng, n_before=len(sparks)) if plan.is_hit(indices) else []
        sparks += [_with_sample(acquired.kspace, spark, drawn) for spark in drawn]
    there = {kspace.indices.repetition for kspace in kspaces}
    if absent := sorted(set(plan.repetitions) - there):
        raise RawDataError(
            f"{raw_file}: expected repetitions of this file ({ranges_of(there)}), found {ranges_of(absent)}"
        )
    return Truth(source=readable(Path(raw_file.name)), seed=plan.seed, kspaces=tuple(kspaces), sparks=tuple(sparks))


def _with_sample(kspace: KSpace, spark: SimulatedSpark, drawn: Sequence[SimulatedSpark]) -> SimulatedSpark:
    """Note what the file will hold at the largest sample, by which the file is known again."""
    coil = strongest(spark)
    value = complex(kspace.data[(coil, *peak_of(spark))]) + complex(added_at_peak(spark, drawn)[coil])
    # JSON has no word for what is not a number.
    return spark.model_copy(update={"sparked": (value.real, value.imag)}) if np.isfinite(value) else spark


def with_sparks(items: Iterable[RawItem], sparks: Sequence[SimulatedSpark]) -> Iterator[RawItem]:
    """Add the sparks to the readouts they belong to; headers and everything else stay as they are."""
    by_acquisition: dict[int, list[SimulatedSpark]] = {}
    for spark in sparks:
        by_acquisition.setdefault(spark.acquisition, []).append(spark)
    number = 0
    for item in items:
        if isinstance(item, RawAcquisition):
            hits = by_acquisition.get(number, [])
            number += 1
            # With its header as it was: nothing but the samples may tell that a spark was put in.
            yield replace(item, data=_add(item.data, hits)) if hits else item
        else:
            yield item


def _add(data: ComplexArray, sparks: Sequence[SimulatedSpark]) -> ComplexArray:
    result = data.copy()
    for spark in sparks:
        gains, burst = (np.array([complex(*value) for value in values]) for values in (spark.gains, spark.burst))
        added = spark.peak_amplitude * gains[:, np.newaxis] * burst
        result[:, spark.first_sample : spark.first_sample + spark.n_samples] += added.astype(result.dtype)
    return result
