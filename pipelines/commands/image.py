"""``despark image``: options, progress and summary around :mod:`pipelines.replay.images.image_repair`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.benchmark import read_setting
from pipelines.commands.terminal.batch import run_all
from pipelines.commands.terminal.progress import working
from pipelines.commands.terminal.shell import Quiet, ReportFile, Settings, Verbose, open_shell
from pipelines.commands.terminal.summary import summary_of
from pipelines.files import check_apart
from pipelines.replay import ImageRepair, ScanReport


def image(
    source: Annotated[
        list[Path], typer.Argument(metavar="IMAGES", help="MRD images (HDF5), NIfTI, DICOM or a folder of DICOM.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="What to write, of the same kind.")],
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

    Their k-space is made, repaired and transformed back. The output appears when it is complete. Where nothing was
    found, its pixels are those of the input. For several inputs, {} in OUT stands for the name of each. Raw data are
    better: a magnitude image has lost the phase, and all that was done to an image since it was acquired smears a
    spark.

    Example: despark image series.h5 -o repaired.h5
    """
    shell = open_shell(verbose, quiet, report)
    check_apart([report], [*source, output])
    properties = dict(read_setting(setting) for setting in settings or ())

    def run(one: Path, target: Path) -> ScanReport:
        with working(shell, f"repairing the images of {one}") as work:
            work.phase("opening models")
            return ImageRepair(
                source=one,
                output=target,
                properties=properties,
                group=group,
                is_volume=volume,
                on_image=lambda done, total: work.bar("images", done, total),
                on_notice=shell.say,
            ).run()

    batch = run_all(shell, source, output, run)
    shell.write_json(batch.as_json())
    for result in batch.reports:
        shell.show(*([f"\n{result.input}"] if len(source) > 1 else []), *summary_of(result, verbose))
    batch.check(shell)
