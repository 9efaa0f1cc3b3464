"""``despark accept``: which of the sparks that were put in came back repaired, and what else was changed.

It looks at raw files alone, so it tells the same of a Gadgetron at the scanner, of a worker and of the embedded host::

    despark simulate scan.h5 sparked.h5 --truth truth.json
    despark replay sparked.h5 -o repaired.h5 --pipeline repair_raw --host scanner-gadgetron:9002
    despark accept sparked.h5 repaired.h5 --truth truth.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from gadgets.findings import counted
from pipelines.benchmark import OUTER_RADIUS
from pipelines.commands.terminal.comparison import LEGEND, found_counts, found_table, harm_table, list_of_sparks
from pipelines.commands.terminal.progress import working
from pipelines.commands.terminal.shell import Group, JsonFile, Quiet, open_shell, verbose_option
from pipelines.files import check_apart
from pipelines.phantom import Comparison, Truth, compare_files

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
