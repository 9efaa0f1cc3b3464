"""``despark models``: what is installed, where it runs, and what it scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gadgets.errors import ModelError
from gadgets.settings import Provider
from onnx_models.listing import ListedModel, listing

PIPE_WIDTH = 132
N_HASH_DIGITS = 12


def models(
    folder: Annotated[
        Path | None, typer.Option("--models", help="Folder with manifest and models, other than those installed.")
    ] = None,
    provider: Annotated[Provider, typer.Option(help="Where they shall run.")] = "auto",
) -> None:
    """Verify and open every model, and show its role, hash and the provider it runs on."""
    rows = listing(folder, provider)
    table = Table("name", "role", "region", "architecture", "sha256", "provider")
    for row in rows:
        table.add_row(row.name, row.role, row.region, row.architecture, row.sha256[:N_HASH_DIGITS], row.provider)
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=PIPE_WIDTH)
    console.print(table)
    for names, scores in scored_together(rows).items():
        shown = Table("score, on files not trained on", ", ".join(names))
        for name, value in scores:
            shown.add_row(name, str(value))
        console.print(shown)
    refusals = [row.refusal for row in rows if row.refusal]
    if refusals:
        raise ModelError("; ".join(refusals))


def scored_together(rows: Sequence[ListedModel]) -> dict[tuple[str, ...], tuple[tuple[str, float | str], ...]]:
    """Group models that have the same scores: they are scored as the chain that they form."""
    names: dict[tuple[tuple[str, float | str], ...], list[str]] = {}
    for row in rows:
        if row.scores:
            names.setdefault(tuple(row.scores.items()), []).append(row.name)
    return {tuple(members): scores for scores, members in names.items()}
