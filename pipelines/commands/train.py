"""``despark train``: a site's own models from its own raw files."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

from gadgets.arrays import ComplexArray
from gadgets.errors import DesparkError, SettingsError
from pipelines.benchmark import Grouping, Total, counted, read_results, total
from pipelines.files import read_kspaces

GROUPINGS: tuple[tuple[str, Grouping], ...] = (
    ("radius", "ring"),
    ("strength", "strength"),
    ("receivers of the scan:", "receivers"),
)

MAX_PLANES = 30
"""Planes taken of one file: a 3D scan is not worth more than other scans."""


def train(
    files: Annotated[list[Path], typer.Argument(help="MRD raw files without sparks.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the models and their manifest.")],
    planes: Annotated[int, typer.Option(min=50, help="Planes of k-space to make examples from.")] = 6000,
    epochs: Annotated[float, typer.Option(min=0.01, help="How often each example is seen.")] = 5.0,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 1,
    processes: Annotated[int, typer.Option(min=1, help="Processes that make examples, and threads that fit.")] = 2,
    scores: Annotated[
        list[Path] | None, typer.Option(help="What despark benchmark wrote with --json on files left out.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Train this model; again for more.")] = None,
    group: Annotated[str, typer.Option(help="HDF5 group of the raw data.")] = "dataset",
) -> None:
    """Train the models on simulated sparks in clean recordings and phantoms, and install them in a folder.

    The folder is then used by ``despark replay --set spark_detection.models=FOLDER``. What an interrupted training has
    made is kept: the same command goes on from there.
    """
    try:
        from onnx_models.training.examples.recordings import recorded_planes
        from onnx_models.training.recipe import MODELS, train_models
        from onnx_models.training.workshop import Recipe
    except ImportError as error:
        raise DesparkError(
            f'training needs {error.name}, which is not installed: pip install "despark[train]"'
        ) from error
    unknown = sorted(set(only or ()) - set(MODELS))
    if unknown:
        raise SettingsError(f"--only: expected names among {', '.join(MODELS)}, found {', '.join(unknown)}")
    console = Console(stderr=True)
    recordings: dict[str, list[ComplexArray]] = {}
    for path in files:
        all_planes = recorded_planes([acquired.kspace for acquired in read_kspaces(path, group)])
        chosen = np.random.default_rng(seed).permutation(len(all_planes))[:MAX_PLANES]
        recordings[path.stem] = [all_planes[index] for index in chosen]
    measured = read_scores(scores or [])
    with Progress(console=console) as progress:
        tasks = {}

        def show(name: str, step: int, n_steps: int, loss: float) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=n_steps)
            progress.update(tasks[name], completed=step, description=f"{name} (loss {loss:.4f})")

        recipe = Recipe(n_planes=planes, epochs=epochs, seed=seed, processes=processes)
        command = command_line(files, recipe.n_planes, recipe.epochs, recipe.seed)
        entries = train_models(recordings, output, recipe, command, measured, show, console.print, only or ())
    for entry in entries:
        console.print(f"{entry.name}: {output / entry.file}")


def command_line(files: list[Path], planes: int, epochs: float, seed: int) -> str:
    """Write down the command that makes the same models again; files by name, wherever they lie."""
    words = ["despark", "train", *(path.name for path in files)]
    return shlex.join([*words, "--planes", str(planes), "--epochs", f"{epochs:g}", "--seed", str(seed), "-o", "models"])


def read_scores(paths: Sequence[Path]) -> dict[str, dict[str, float | str]]:
    """Join what ``despark benchmark --json`` measured on several sets of files into scores for the cards.

    Returns
    -------
        Scores by the name of the rival or variant: a variant with the name of a model is measured for its card.

    Raises
    ------
    DesparkError
        A file is not what ``despark benchmark --json`` writes.
    """
    measured = [score for path in paths for score in read_results(path)]
    return {
        rival: _scores_of(total([score for score in measured if score.rival == rival]))
        for rival in dict.fromkeys(score.rival for score in measured)
    }


def _scores_of(result: Total) -> dict[str, float | str]:
    scores: dict[str, float | str] = {"found": counted(result.found)}
    for label, grouping in GROUPINGS:
        shares = result.by_group[grouping].items()
        scores |= {f"found, {label} {group}": counted(share) for group, share in shares if share.trials}
    scores["harmed samples in clean data"] = f"{result.harmed} in {result.n_kspaces} k-spaces"
    scores["clean files untouched"] = counted(result.untouched)
    scores["image error left, median"] = result.median_error_left
    scores["image error left, worst"] = result.worst_error_left
    return scores
