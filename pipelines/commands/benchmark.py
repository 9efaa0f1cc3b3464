"""``despark benchmark``: detection, repair, harm and speed beside the rivals, on any raw files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from gadgets.errors import SettingsError
from gadgets.findings import counted
from pipelines.benchmark import (
    DESPARK,
    FORM,
    RIVALS,
    SERIES_KINDS,
    AnyRival,
    Draws,
    FileScore,
    file_table,
    open_rivals,
    read_joined,
    read_properties,
    read_variants,
    results_text,
    save_plot,
    score_file,
    total,
    total_table,
)
from pipelines.commands.terminal.progress import Work, working
from pipelines.commands.terminal.shell import Group, Quiet, Settings, Verbose, open_shell
from pipelines.files import check_apart, check_folder, read_kspaces, readable, same_file, whole_or_nothing

PIPE_WIDTH, COLUMN_WIDTH = 144, 34
RUNS = "runs"
PLOT_SUFFIXES = (".png", ".pdf", ".svg")
INTERFERENCE = ("emi_lines_1B", "lf055_flair_norfcage_2avg", "brain_8ch_poisson_kykz")
"""Files that hold real interference or no readouts: their harm is reported beside and not counted."""


def benchmark(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RAW.h5", help="MRD raw files, taken as free of sparks.", show_default=False),
    ] = None,
    rivals: Annotated[
        str, typer.Option(metavar="NAMES", help=f"What is compared, of: {', '.join((DESPARK, *RIVALS))}.")
    ] = f"{DESPARK},local_median",
    runs: Annotated[int, typer.Option(min=0, help="How often sparks are put into each file.")] = 4,
    series: Annotated[
        int, typer.Option(min=1, metavar="N", help="Acquire each k-space N times, as a simulated series.")
    ] = 1,
    series_kind: Annotated[
        str, typer.Option(metavar="KIND", help=f"What the series is made of: {', '.join(SERIES_KINDS)}.")
    ] = "repetitions",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random draws.")] = 0,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write everything that was measured; - is standard output."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a picture (.png, .pdf, .svg).")] = None,
    settings: Settings = None,
    variants: Annotated[
        list[str] | None,
        typer.Option("--variant", metavar=FORM, help="Add despark with other settings. May be given again."),
    ] = None,
    truth_points: Annotated[
        bool, typer.Option("--truth-points", help="Tell despark where the sparks are, to compare repairs alone.")
    ] = False,
    models: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Use the models of a folder, not those installed.")
    ] = None,
    interference: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Do not count this file as clean. May be given again."),
    ] = None,
    join: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Add what an earlier run wrote with --json. May be given again."),
    ] = None,
    group: Group = "dataset",
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Score detection, repair and speed.

    Sparks of known place and strength are put into raw files. The tables say how many each method finds, how much of
    the image error it leaves, and what it does to clean data.

    Example: despark benchmark scan1.h5 scan2.h5 --runs 4 --json scores.json
    """
    shell = open_shell(verbose, quiet, json_file)
    check_apart([json_file, plot], [*(files or ()), *(join or ())])
    if plot is not None:
        check_plot(plot)
    if series_kind not in SERIES_KINDS:
        raise SettingsError(f"--series-kind: expected one of {', '.join(SERIES_KINDS)}, found {series_kind!r}")
    properties = read_properties(settings or [], models)
    named = read_variants(variants or [], properties, (DESPARK, *RIVALS))
    if not files and not join:
        raise SettingsError("benchmark: expected raw files, or results of earlier runs with --join, found neither")
    files = files or []
    twice = [path for number, path in enumerate(files) if any(same_file(path, each) for each in files[:number])]
    if twice:
        raise SettingsError(f"{twice[0]}: expected each raw file once, found it twice; --runs N scores it N times")
    joined = f"joining the results of {counted(len(join or ()), 'earlier run')}"
    with working(shell, f"scoring {rivals} on {counted(len(files), 'file')}" if files else joined) as work:
        work.phase("opening models")
        scores = read_joined(join or ())
        # Without files nothing is opened: results of earlier runs are joined on machines without models, too.
        chosen = open_rivals(rivals, properties, named, truth_points=truth_points) if files else {}
        unclean = frozenset(Path(name).stem for name in (*INTERFERENCE, *(interference or ())))
        draws = Draws(seed, runs, series, series_kind)
        scores += score_files(files, chosen, work, draws, unclean=unclean, group=group)
    shown = dict.fromkeys(score.rival for score in scores)
    totals = [total([score for score in scores if score.rival == rival]) for rival in shown]
    if json_file is not None:
        used = {
            "runs": runs, "series": series, "seed": seed, "series_kind": series_kind,
            "set": properties, "variants": named, "truth_points": truth_points,
        }  # fmt: skip
        shell.write_json(results_text(scores, totals, used))
    if plot is not None:
        with whole_or_nothing(plot) as temporary:
            save_plot(temporary, scores, plot.suffix.removeprefix("."))
    # The tables need this much.
    width = max(PIPE_WIDTH, COLUMN_WIDTH * (1 + len(shown)))
    shell.show(file_table(scores, shell.width(width)), total_table(totals), pipe_width=width)


def check_plot(plot: Path) -> None:
    """See before the work that the picture can be drawn.

    Raises
    ------
    RawDataError
        Its folder is not there.
    SettingsError
        Its suffix is not one that can be drawn.
    """
    check_folder(plot)
    if plot.suffix not in PLOT_SUFFIXES:
        raise SettingsError(f"--plot: expected a name that ends in {', '.join(PLOT_SUFFIXES)}, found {plot.name!r}")


def score_files(
    files: Sequence[Path],
    rivals: Mapping[str, AnyRival],
    work: Work,
    draws: Draws,
    *,
    unclean: frozenset[str],
    group: str = "dataset",
) -> list[FileScore]:
    """Score all rivals on all files, and show how far that is."""
    scores = []
    for n_done, path in enumerate(files):
        work.bar("files", n_done, len(files))
        kspaces = [acquired.kspace for acquired in read_kspaces(path, group)]
        is_clean = path.stem not in unclean
        steps = count(1)
        n_steps = len(kspaces) * draws.n_series * (1 + draws.n_runs * is_clean)
        work.bar(RUNS, 0, n_steps, path.stem)
        scores += score_file(
            readable(Path(path.stem)),
            kspaces,
            rivals,
            draws,
            counts_as_clean=is_clean,
            advance=partial(_show_step, work, path.stem, steps, n_steps),
        )
        work.end(RUNS)
    return scores


def _show_step(work: Work, name: str, steps: Iterator[int], n_steps: int) -> None:
    work.bar(RUNS, next(steps), n_steps, name)
