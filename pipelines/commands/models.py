"""``despark models``: what is installed, where it runs, and what it scored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich import box
from rich.table import Table

from gadgets.errors import ModelError
from gadgets.settings import Provider
from onnx_models.listing import ListedModel, listing
from pipelines.commands.terminal.progress import working
from pipelines.commands.terminal.shell import JsonFile, Quiet, Verbose, open_shell
from pipelines.version import despark_version

N_HASH_DIGITS = 12
Scores: TypeAlias = tuple[tuple[str, float | str], ...]
MAIN_SCORES = {
    "found": "found",
    "harmed samples in clean data": "harmed",
    "image error left, median": "error left",
}
"""Of all scores, those that tell most, and what stands above them."""

WIDE = 110
"""Columns that all of a model needs side by side."""


def models(
    folder: Annotated[
        Path | None,
        typer.Option("--models", metavar="FOLDER", help="Show the models of a folder, not those installed."),
    ] = None,
    provider: Annotated[Provider, typer.Option(help="Where the models shall run.")] = "auto",
    json_file: JsonFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Show what is installed: roles, hashes, providers.

    Every model is verified and opened. The table says what each is for, where it runs and what it scored; -v shows
    all scores. The exit code is 1 where a model is refused.

    Example: despark models --json - | jq '.models[].name'
    """
    shell = open_shell(verbose, quiet, json_file)
    with working(shell, f"opening the models {f'in {folder}' if folder else 'that are installed'}") as work:
        rows = listing(folder, provider, lambda done, total: work.bar("models", done, total))
    shell.write_json(json.dumps({"despark": despark_version(), "models": [row.model_dump() for row in rows]}, indent=1))
    shell.show(*model_tables(rows, shell.width(), verbose))
    refused = refusals(rows)
    if refused:
        raise ModelError(refused)


def refusals(rows: Sequence[ListedModel]) -> str:
    """Say why models were refused; what is the same of many is said once."""
    alike: dict[str, list[ListedModel]] = {}
    for row in rows:
        if row.refusal:
            # Without the name in front, by which all refusals would differ.
            alike.setdefault(row.refusal.removeprefix(f"model {row.name}: "), []).append(row)
    return "; ".join(
        f"{len(members)} models: {reason}" if len(members) > 1 else members[0].refusal
        for reason, members in alike.items()
    )


def model_tables(rows: Sequence[ListedModel], width: int = WIDE, verbose: int = 0) -> list[Table]:
    """Draw up the models, and what those scored that were scored together.

    In less than the usual width, a role stands below its model, and providers have short names.

    Parameters
    ----------
    verbose
        0: the main scores, a line for each set of models; else all of them.
    """
    is_wide = width >= WIDE
    table = Table(*(("name", "role") if is_wide else ("name, role",)), "region", "network", "sha256", "provider")
    for row in rows:
        table.add_row(
            *((row.name, row.role) if is_wide else (f"{row.name}\n  {row.role}",)),
            row.region,
            row.architecture,
            row.sha256[:N_HASH_DIGITS],
            row.provider if is_wide else row.provider.removesuffix("ExecutionProvider"),
        )
    together = scored_together(rows)
    if not together:
        return [table]
    return [table, *(map(_all_scores, together.items()) if verbose else [_main_scores(together)])]


def _main_scores(together: Mapping[tuple[str, ...], Scores]) -> Table:
    """Show the scores that tell most; files not trained on made them."""
    caption = "on files not trained on; -v shows all scores"
    table = Table(caption=caption, caption_justify="left", box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("scored together", no_wrap=True)
    for heading in MAIN_SCORES.values():
        table.add_column(heading)
    for names, scores in together.items():
        known = dict(scores)
        table.add_row("\n".join(names), *(_score(known.get(name, "-")) for name in MAIN_SCORES))
    return table


def _all_scores(scored: tuple[tuple[str, ...], Scores]) -> Table:
    names, scores = scored
    shown = Table("score, on files not trained on", ", ".join(names))
    for name, value in scores:
        shown.add_row(name, _score(value))
    return shown


def _score(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"


def scored_together(rows: Sequence[ListedModel]) -> dict[tuple[str, ...], Scores]:
    """Group models that have the same scores: they are scored as the chain that they form."""
    names: dict[Scores, list[str]] = {}
    for row in rows:
        if row.scores:
            names.setdefault(tuple(row.scores.items()), []).append(row.name)
    return {tuple(members): scores for scores, members in names.items()}
