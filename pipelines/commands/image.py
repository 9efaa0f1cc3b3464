"""``despark image``: options, progress and summary around :mod:`pipelines.replay.image_repair`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.benchmark import read_setting
from pipelines.commands.terminal.progress import working
from pipelines.commands.terminal.shell import Quiet, ReportFile, Settings, Verbose, open_shell
from pipelines.commands.terminal.summary import summary_table
from pipelines.replay import ImageRepair


def image(
    source: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="MRD images (HDF5), NIfTI or DICOM.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="File to write, of the same kind.")],
    settings: Settings = None,
    group: Annotated[str, typer.Option(metavar="NAME", help="HDF5 group that holds the MRD images.")] = "images",
    volume: Annotated[
        bool, typer.Option("--volume", help="Take a NIfTI file as acquired in 3D, not slice by slice.")
    ] = False,
    report: ReportFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Repair images of which there are no raw data.

    Their k-space is made, repaired and transformed back. The output file appears when it is complete. Where nothing
    was found, its pixels are those of the input. Raw data are better: a magnitude image has lost the phase, and all
    that was done to an image since it was acquired smears a spark.

    Example: despark image series.h5 -o repaired.h5
    """
    shell = open_shell(verbose, quiet, report)
    with working(shell, f"repairing the images of {source}") as work:
        work.phase("opening models")
        result = ImageRepair(
            source=source,
            output=output,
            properties=dict(read_setting(setting) for setting in settings or ()),
            group=group,
            is_volume=volume,
            on_image=lambda done, total: work.bar("images", done, total),
            on_notice=shell.say,
        ).run()
    shell.write_json(result.model_dump_json(indent=1))
    shell.show(summary_table(result))
