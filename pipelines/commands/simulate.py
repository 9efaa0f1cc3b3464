"""``despark simulate``: options, progress and summary around :func:`pipelines.phantom.simulate_file`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gadgets.errors import SettingsError
from gadgets.findings import counted
from gadgets.outside import whole_number
from pipelines.benchmark import MAX_EVENTS, MAX_RNR, MIN_RNR
from pipelines.commands.terminal.comparison import list_of_sparks
from pipelines.commands.terminal.progress import working
from pipelines.commands.terminal.shell import Group, JsonFile, Quiet, open_shell, verbose_option
from pipelines.files import check_apart
from pipelines.phantom import SparkPlan, Truth, simulate_file

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
