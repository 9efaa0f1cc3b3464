"""``despark benchmark``: detection, repair, harm and speed beside the rivals, on any raw files."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from gadgets.errors import SettingsError
from pipelines.benchmark import (
    FORM,
    RIVALS,
    FileScore,
    InformedRival,
    Properties,
    Rival,
    file_table,
    open_despark,
    open_repair,
    read_results,
    read_setting,
    read_variants,
    save_plot,
    score_file,
    total,
    total_table,
    write_results,
)
from pipelines.files import check_folder, read_kspaces, whole_or_nothing

DESPARK = "despark"
PIPE_WIDTH, COLUMN_WIDTH = 144, 34
PLOT_SUFFIXES = (".png", ".pdf", ".svg")
INTERFERENCE = ("emi_lines_1B", "lf055_flair_norfcage_2avg", "brain_8ch_poisson_kykz")
"""Files that hold real interference or no readouts: their harm is reported beside and not counted."""


def benchmark(
    files: Annotated[
        list[Path] | None, typer.Argument(help="MRD raw files, taken as free of sparks.", show_default=False)
    ] = None,
    rivals: Annotated[
        str, typer.Option(help=f"What is compared, of: {', '.join((DESPARK, *RIVALS))}.")
    ] = f"{DESPARK},local_median",
    runs: Annotated[int, typer.Option(min=0, help="How often sparks are put into each file.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Of the random draws.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything that was measured.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a picture (.png, .pdf, .svg).")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NODE.PROPERTY=VALUE", help="Settings of despark.")
    ] = None,
    variants: Annotated[
        list[str] | None,
        typer.Option("--variant", metavar=FORM, help="Add despark with other settings under this name; repeatable."),
    ] = None,
    truth_points: Annotated[
        bool, typer.Option("--truth-points", help="Tell despark where the sparks are, to compare repairs alone.")
    ] = False,
    models: Annotated[Path | None, typer.Option(help="Folder with other models than those installed.")] = None,
    interference: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A file that does not count as clean.")
    ] = None,
    join: Annotated[
        list[Path] | None, typer.Option(help="What an earlier run wrote with --json, shown with the rest; repeatable.")
    ] = None,
    group: Annotated[str, typer.Option(help="HDF5 group of the raw data.")] = "dataset",
) -> None:
    """Put sparks of known place and strength into raw files and count what is found, harmed and left."""
    check_outputs(json_file, plot)
    properties = read_properties(settings or [], models)
    named = read_variants(variants or [], properties, (DESPARK, *RIVALS))
    if not files and not join:
        raise SettingsError("benchmark: expected raw files, or results of earlier runs with --join, found neither")
    scores = [score for path in join or () for score in read_results(path)]
    chosen = open_rivals(rivals, properties, named, truth_points=truth_points) if files else {}
    unclean = frozenset(Path(name).stem for name in (*INTERFERENCE, *(interference or ())))
    scores += score_files(files or (), chosen, runs=runs, seed=seed, unclean=unclean, group=group)
    shown = dict.fromkeys(score.rival for score in scores)
    totals = [total([score for score in scores if score.rival == rival]) for rival in shown]
    if json_file is not None:
        used = {"seed": seed, "runs": runs, "set": properties, "variants": named, "truth_points": truth_points}
        write_results(json_file, scores, totals, used)
    if plot is not None:
        with whole_or_nothing(plot) as temporary:
            save_plot(temporary, scores, plot.suffix.removeprefix("."))
    # A pipe has no width; the tables need this much.
    console = Console(width=None if sys.stdout.isatty() else max(PIPE_WIDTH, COLUMN_WIDTH * (1 + len(shown))))
    console.print(file_table(scores))
    console.print(total_table(totals))


def check_outputs(json_file: Path | None, plot: Path | None) -> None:
    """See before the work that its results can be written.

    Raises
    ------
    RawDataError
        A folder is not there.
    SettingsError
        The picture's suffix is not one that can be drawn.
    """
    for output in filter(None, (json_file, plot)):
        check_folder(output)
    if plot is not None and plot.suffix not in PLOT_SUFFIXES:
        raise SettingsError(f"--plot: expected a name that ends in {', '.join(PLOT_SUFFIXES)}, found {plot.name!r}")


def read_properties(settings: Sequence[str], models: Path | None) -> dict[str, str]:
    """Turn ``NODE.PROPERTY=VALUE`` and the folder of models into properties of ``raw_repair``.

    Raises
    ------
    SettingsError
        A setting has no value.
    """
    properties = {}
    if models is not None:
        properties = {"spark_detection.models": str(models), "calibration.models": str(models)}
    return properties | dict(read_setting(setting) for setting in settings)


def open_rivals(
    names: str, properties: Properties, variants: Mapping[str, Properties] | None = None, *, truth_points: bool = False
) -> dict[str, Rival | InformedRival]:
    """Open the rivals named, in that order, then the variants of despark.

    Parameters
    ----------
    names
        Of the rivals, with commas between them; there may be none if there are variants.
    properties, variants
        Settings of despark itself, and of each variant by its name.
    truth_points
        Whether despark is told where the sparks are.

    Raises
    ------
    SettingsError
        A name is unknown, or none is given.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in (DESPARK, *RIVALS)]
    if unknown or not (wanted or variants):
        found = ", ".join(unknown) or "none"
        raise SettingsError(f"--rivals: expected some of {', '.join((DESPARK, *RIVALS))}, found {found}")
    ours = ({DESPARK: properties} if DESPARK in wanted else {}) | dict(variants or {})
    opened = {name: open_repair(each) if truth_points else open_despark(each) for name, each in ours.items()}
    return {name: opened.get(name) or RIVALS[name] for name in (*wanted, *(variants or {}))}


def score_files(
    files: Sequence[Path],
    rivals: Mapping[str, Rival | InformedRival],
    *,
    runs: int,
    seed: int,
    unclean: frozenset[str],
    group: str = "dataset",
) -> list[FileScore]:
    """Score all rivals on all files, with a progress bar on standard error."""
    scores = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        over_files = progress.add_task("files", total=len(files))
        for path in files:
            kspaces = [acquired.kspace for acquired in read_kspaces(path, group)]
            is_clean = path.stem not in unclean
            over_runs = progress.add_task(path.stem, total=len(kspaces) * (1 + runs * is_clean))
            scores += score_file(
                path.stem,
                kspaces,
                rivals,
                seed=seed,
                n_runs=runs,
                counts_as_clean=is_clean,
                advance=lambda task=over_runs: progress.advance(task),  # type: ignore[misc]
            )
            progress.remove_task(over_runs)
            progress.advance(over_files)
    return scores
