"""``despark replay``: options, progress and summary around :mod:`pipelines.replay.replay`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.terminal.batch import run_all
from pipelines.commands.terminal.pages import check_ending
from pipelines.commands.terminal.progress import Work, working
from pipelines.commands.terminal.shell import Group, Quiet, ReportFile, Settings, Verbose, open_shell
from pipelines.commands.terminal.summary import summary_of
from pipelines.files import STDOUT, check_apart, check_folder, named_output
from pipelines.inspection import look_again, write_html
from pipelines.replay import DEFAULT_PIPELINE, Replay, ScanReport

TOLD = ("pipelines.host.session",)
"""What the host logs of a failure is what the client says of it in the end."""


def replay(
    raw: Annotated[list[Path], typer.Argument(metavar="RAW.h5", help="MRD raw file (HDF5), or several.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            parser=named_output,
            help="What to write; its ending says what: .h5, .dcm, .nii.gz, .png.",
        ),
    ],
    pipeline: Annotated[
        str, typer.Option(metavar="NAME|FILE.xml", help="Chain: spark_calibration, repair_raw, or an XML file.")
    ] = DEFAULT_PIPELINE,
    settings: Settings = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Use a Gadgetron or despark serve that runs there.")
    ] = None,
    group: Group = "dataset",
    report: ReportFile = None,
    page: Annotated[
        Path | None, typer.Option(metavar="PAGE.html", help="Write a page about what was found: one HTML file.")
    ] = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Repair a raw file: stream it through a chain.

    The chain runs on this machine, unless --host names a server. The output appears when it is complete. A name
    with a slash at its end is a folder of DICOM files. For several raw files, {} in OUT stands for the name of each.
    The end is a summary of what was found and repaired; --report and --json are the same and write it down. --page
    shows it with pictures.

    Example: despark replay scan.h5 -o images.h5 --report found.json
    """
    shell = open_shell(verbose, quiet, report, told=TOLD)
    check_apart([report, page], [*raw, output])
    if page is not None:
        check_folder(page)
        check_ending(page)
    is_alone = len(raw) == 1

    def run(source: Path, target: Path) -> ScanReport:
        with working(shell, f"replaying {source} through {pipeline}") as work:
            scan = Replay(
                raw=source,
                output=target,
                pipeline=pipeline,
                settings=tuple(settings or ()),
                host=host,
                group=group,
                report=report if is_alone and report != STDOUT else None,
                on_notice=shell.say,
            )
            return watched(scan, work).run()

    batch = run_all(shell, raw, output, run)
    if report == STDOUT or not is_alone:
        shell.write_json(batch.as_json())
    if page is not None and batch.reports:
        with working(shell, f"writing {page}") as work:
            # Pictures are made of the raw file, because a chain gives back images of its own kind, or none.
            seen = [look_again(each, lambda done, total: work.bar("drawing", done, total)) for each in batch.reports]
            write_html(page, seen)
    for result in batch.reports:
        shell.show(*([f"\n{result.input}"] if len(raw) > 1 else []), *summary_of(result, verbose))
    batch.check(shell)


def watched(scan: Replay, work: Work) -> Replay:
    """Have it shown how far a replay is."""

    def show_sent(sent: int, total: int) -> None:
        work.bar("sending", sent, total)
        if sent == total:
            # Connections hold much: the work of the nodes may have hardly begun.
            work.phase("waiting for results")

    def show_returned(returned: int, total: int) -> None:
        if total:
            work.bar("coming back", returned, total)

    return replace(scan, on_phase=work.phase, on_sent=show_sent, on_returned=show_returned)
