"""``despark models``: what is installed, where it runs, and what it scored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gadgets.errors import ModelError
from gadgets.settings import Provider
from onnx_models.listing import listing

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
    table = Table("name", "role", "region", "architecture", "sha256", "provider", "scores")
    for row in rows:
        scores = ", ".join(f"{name} {value}" for name, value in row.scores.items())
        table.add_row(
            row.name, row.role, row.region, row.architecture, row.sha256[:N_HASH_DIGITS], row.provider, scores
        )
    console = Console()
    (console if console.is_terminal else Console(width=PIPE_WIDTH)).print(table)
    refusals = [row.refusal for row in rows if row.refusal]
    if refusals:
        raise ModelError("; ".join(refusals))
