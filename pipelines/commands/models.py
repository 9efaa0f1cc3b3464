"""``despark models``: what is installed, where it runs, and what it scored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gadgets.errors import ModelError
from gadgets.settings import Provider
from onnx_models.listing import ListedModel, listing
from pipelines.commands.terminal.progress import working
from pipelines.commands.terminal.shell import JsonFile, Quiet, Verbose, open_shell
from pipelines.version import despark_version

N_HASH_DIGITS = 12
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

    Every model is verified and opened. The table says what each is for, where it runs and what it scored. The exit
    code is 1 where a model is refused.

    Example: despark models --json - | jq '.models[].name'
    """
    shell = open_shell(verbose, quiet, json_file)
    with working(shell, f"opening the models {f'in {folder}' if folder else 'that are installed'}") as work:
        rows = listing(folder, provider, lambda done, total: work.bar("models", done, total))
    shell.write_json(json.dumps({"despark": despark_version(), "models": [row.model_dump() for row in rows]}, indent=1))
    shell.show(*model_tables(rows, shell.width()))
    refusals = [row.refusal for row in rows if row.refusal]
    if refusals:
        raise ModelError("; ".join(refusals))


def model_tables(rows: Sequence[ListedModel], width: int = WIDE) -> list[Table]:
    """Draw up the models, and what those scored that were scored together.

    In less than the usual width, a role stands below its model, and providers have short names.
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
    tables = [table]
    for names, scores in scored_together(rows).items():
        shown = Table("score, on files not trained on", ", ".join(names))
        for name, value in scores:
            shown.add_row(name, value if isinstance(value, str) else f"{value:.3g}")
        tables.append(shown)
    return tables


def scored_together(rows: Sequence[ListedModel]) -> dict[tuple[str, ...], tuple[tuple[str, float | str], ...]]:
    """Group models that have the same scores: they are scored as the chain that they form."""
    names: dict[tuple[tuple[str, float | str], ...], list[str]] = {}
    for row in rows:
        if row.scores:
            names.setdefault(tuple(row.scores.items()), []).append(row.name)
    return {tuple(members): scores for scores, members in names.items()}
