"""``despark image``: options, progress and summary around :mod:`pipelines.replay.image_repair`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from pipelines.benchmark import read_setting
from pipelines.commands.summary import summary_table
from pipelines.files import check_folder, whole_or_nothing
from pipelines.replay import ImageRepair

PIPE_WIDTH = 132


def image(
    source: Annotated[Path, typer.Argument(help="MRD images (HDF5), NIfTI or DICOM.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, of the same kind.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NODE.PROPERTY=VALUE", help="Set a property; may be repeated.")
    ] = None,
    group: Annotated[str, typer.Option(help="HDF5 group of MRD images.")] = "images",
    volume: Annotated[
        bool, typer.Option("--volume", help="A NIfTI file was acquired in 3D, not slice by slice.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write the result for machines (JSON).")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
) -> None:
    """Repair images of which there are no raw data, by way of their k-space.

    OUTPUT appears when it is complete; where nothing was found its pixels are those of the input. Raw data are better:
    a magnitude image has lost the phase, and whatever was done to an image since it was acquired smears a spark.
    """
    terminal = Console(stderr=True)
    if report is not None:
        check_folder(report)
    with Progress(console=terminal, transient=True, disable=quiet or not terminal.is_terminal) as progress:
        task = progress.add_task("images", total=None)
        result = ImageRepair(
            source=source,
            output=output,
            properties=dict(read_setting(setting) for setting in settings or ()),
            group=group,
            is_volume=volume,
            on_image=lambda done, total: progress.update(task, completed=done, total=total),
            on_notice=lambda notice: terminal.print(f"despark: {notice}", soft_wrap=True, markup=False),
        ).run()
    if report is not None:
        with whole_or_nothing(report) as temporary:
            temporary.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    if not quiet:
        console = Console()
        # A pipe has no width; long names need some.
        (console if console.is_terminal else Console(width=PIPE_WIDTH)).print(summary_table(result))
