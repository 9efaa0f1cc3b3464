"""``despark replay``: options, progress and summary around :mod:`pipelines.replay.replay`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipelines.commands.summary import summary_table
from pipelines.replay import DEFAULT_PIPELINE, Replay

INTERRUPTED = 130
PIPE_WIDTH = 132


def replay(
    raw: Annotated[Path, typer.Argument(help="MRD raw file (HDF5).", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: MRD images or MRD raw data.")],
    pipeline: Annotated[
        str, typer.Option(metavar="NAME|FILE.xml", help="Chain: spark_calibration, repair_raw, or an XML file.")
    ] = DEFAULT_PIPELINE,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NODE.PROPERTY=VALUE", help="Set a property; may be repeated.")
    ] = None,
    host: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="A running Gadgetron or despark serve.")] = None,
    group: Annotated[str, typer.Option(help="HDF5 group of the raw data.")] = "dataset",
    report: Annotated[Path | None, typer.Option(help="Write the result for machines (JSON).")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
) -> None:
    """Stream a raw file through a chain and write what comes back.

    Starts the embedded host on this machine, unless --host names a server. OUTPUT appears when it is complete.
    """
    terminal = Console(stderr=True)
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=terminal, show_time=False, show_path=False)],
    )
    # What the host logs of a failure is what the client says of it in the end.
    logging.getLogger("pipelines.host.host").setLevel(logging.CRITICAL)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=terminal,
        transient=True,
        disable=quiet or not terminal.is_terminal,
    ) as progress:
        task = progress.add_task("sending", total=None)
        scan = Replay(
            raw=raw,
            output=output,
            pipeline=pipeline,
            settings=tuple(settings or ()),
            host=host,
            group=group,
            report=report,
            on_opened=lambda total: progress.update(task, total=total),
            on_sent=lambda sent: progress.update(task, completed=sent),
            on_notice=lambda notice: terminal.print(f"despark: {notice}", soft_wrap=True, markup=False),
        )
        try:
            result = scan.run()
        except KeyboardInterrupt:
            typer.echo("despark: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None
    if not quiet:
        console = Console()
        # A pipe has no width; long names need some.
        (console if console.is_terminal else Console(width=PIPE_WIDTH)).print(summary_table(result))
