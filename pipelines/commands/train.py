"""``despark train``: a site's own models from its own raw files."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from gadgets.arrays import ComplexArray
from gadgets.errors import DesparkError, RawDataError, SettingsError
from gadgets.findings import counted
from gadgets.outside import printable
from gadgets.settings import meant_or_known
from pipelines.benchmark import Grouping, Total, percentage, read_results, total
from pipelines.commands.own_against_installed import compare_with_installed
from pipelines.commands.terminal.progress import Work, working
from pipelines.commands.terminal.shell import Group, JsonFile, Quiet, Verbose, open_shell
from pipelines.files import check_apart, read_kspaces, readable

if TYPE_CHECKING:
    from onnx_models.model_entry import ModelEntry
    from onnx_models.training.workshop import Recipe

GROUPINGS: tuple[tuple[str, Grouping], ...] = (
    ("radius", "ring"),
    ("strength", "strength"),
    ("receivers of the scan:", "receivers"),
)

MAX_EXAMPLES, MAX_PROCESSES = 10_000_000, 256
"""So many planes would take weeks, and no computer has more cores."""

MAX_PLANES = 30
"""Planes taken of one file: a 3D scan is not worth more than other scans."""


def train(
    files: Annotated[
        list[Path], typer.Argument(metavar="RAW.h5", help="MRD raw files without sparks.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the models and their manifest.")
    ],
    planes: Annotated[
        int, typer.Option(min=50, max=MAX_EXAMPLES, help="Planes of k-space to make examples from.")
    ] = 6000,
    epochs: Annotated[float, typer.Option(min=0.01, max=1e6, help="How often each example is seen.")] = 5.0,
    seed: Annotated[int, typer.Option(min=0, max=(1 << 63) - 1, help="Seed of everything that is drawn.")] = 1,
    processes: Annotated[
        int,
        typer.Option(min=1, max=MAX_PROCESSES, help="Processes that make examples, and threads that fit."),
    ] = 2,
    scores: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="What despark benchmark wrote with --json on files left out."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Train this model alone. May be given again.")
    ] = None,
    group: Group = "dataset",
    json_file: JsonFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Train a site's own models from its own raw files.

    The models learn from simulated sparks in clean recordings and phantoms. Use the folder with --set
    spark_detection.models=FOLDER. An interrupted training keeps what it has made: the same command goes on from there.
    At the end the models are compared with the installed ones on a phantom. Nothing is downloaded.

    Example: despark train scan1.h5 scan2.h5 -o own_models
    """
    shell = open_shell(verbose, quiet, json_file)
    check_apart([json_file], [*files, *(scores or ())])
    with working(shell, f"training models from {counted(len(files), 'file')}, into {output}") as work:
        work.phase("loading torch")
        recipe_of, train_models = _open_recipe(only or ())
        recipe = recipe_of(n_planes=planes, epochs=epochs, seed=seed, processes=processes)
        recordings = read_recordings(files, group, seed, work)
        measured = read_scores(scores or [])

        def show(name: str, step: int, n_steps: int, loss: float) -> None:
            work.bar(name, step, n_steps, name if math.isnan(loss) else f"{name} (loss {loss:.4f})")

        def log(text: str) -> None:
            shell.say(text)
            work.phase("working")

        command = command_line(files, planes, epochs, seed)
        with refused(output):
            entries = train_models(recordings, output, recipe, command, measured, show, log, only or ())
        work.phase("comparing with the installed models")
        comparison = None if only else compare_with_installed(output)
    made = [{"name": entry.name, "file": str(output / entry.file), "sha256": entry.sha256} for entry in entries]
    verdict = "" if comparison is None else comparison.sentence()
    shell.write_json(json.dumps({"folder": str(output), "models": made, "verdict": verdict}, indent=1))
    shell.show(*(f"{entry.name}: {output / entry.file}" for entry in entries), *filter(None, [verdict]))


def _open_recipe(only: Collection[str]) -> tuple[type[Recipe], Callable[..., list[ModelEntry]]]:
    """Import what training needs, which is not there on every machine."""
    try:
        from onnx_models.training.recipe import MODELS, train_models
        from onnx_models.training.workshop import Recipe
    except ImportError as error:
        raise DesparkError(
            f'training needs {error.name}, which is not installed: pip install "despark[train]" (this downloads '
            f"PyTorch with its GPU libraries, several gigabytes; training itself downloads nothing)"
        ) from error
    unknown = sorted(set(only) - set(MODELS))
    if unknown:
        raise SettingsError(f"--only: unknown model {unknown[0]!r}{meant_or_known(unknown[0], MODELS)}")
    return Recipe, train_models


def read_recordings(files: Sequence[Path], group: str, seed: int, work: Work) -> dict[str, list[ComplexArray]]:
    """Read some planes of each file, by the name of the file.

    Raises
    ------
    RawDataError
        A file holds none to learn from.
    """
    from onnx_models.training.examples.recordings import recorded_planes

    recordings: dict[str, list[ComplexArray]] = {}
    for number, path in enumerate(files):
        work.bar("reading files", number, len(files))
        all_planes = recorded_planes([acquired.kspace for acquired in read_kspaces(path, group)])
        if not all_planes:
            raise RawDataError(f"{path}: expected planes of at least 16 lines, all samples numbers, found none")
        # Drawn anew for each file, so that its planes do not depend on which files came before.
        chosen = np.random.default_rng(seed).permutation(len(all_planes))[:MAX_PLANES]
        # Scanners give files of other days the same name.
        stem = printable(readable(Path(path.stem)))
        name = next(name for name in (stem, *(f"{stem} ({n})" for n in range(2, number + 2))) if name not in recordings)
        recordings[name] = [all_planes[index] for index in chosen]
    return recordings


@contextmanager
def refused(output: Path) -> Iterator[None]:
    """Say in one line what a training lacks: a folder that takes it, or memory."""
    try:
        yield
    except OSError as error:
        where = output if error.filename is None else Path(error.filename)
        raise DesparkError(f"{where}: the models cannot be made there ({error.strerror or error})") from error
    except BrokenProcessPool as error:
        raise DesparkError("a process that makes examples was ended from outside; is there enough memory?") from error


def command_line(files: list[Path], planes: int, epochs: float, seed: int) -> str:
    """Write down the command that makes the same models again; files by name, wherever they lie."""
    words = ["despark", "train", *(printable(readable(Path(path.name))) for path in files)]
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
    scores: dict[str, float | str] = {"found": percentage(result.found)}
    for label, grouping in GROUPINGS:
        shares = result.by_group[grouping].items()
        scores |= {f"found, {label} {group}": percentage(share) for group, share in shares if share.trials}
    scores["harmed samples in clean data"] = f"{result.harmed} in {counted(result.n_kspaces, 'k-space')}"
    scores["clean files untouched"] = percentage(result.untouched)
    scores["image error left, median"] = result.median_error_left
    scores["image error left, worst"] = result.worst_error_left
    return scores
