"""``despark inspect``: looks at files, says what is in them, and writes a page about them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gadgets.errors import DesparkError, RawDataError
from pipelines.benchmark import read_setting
from pipelines.commands.terminal.pages import PAGE, check_ending
from pipelines.commands.terminal.progress import Work, working
from pipelines.commands.terminal.shell import Group, Quiet, ReportFile, Settings, Verbose, open_shell
from pipelines.commands.terminal.summary import summary_of
from pipelines.files import check_apart, check_folder, has_group, is_dicom
from pipelines.inspection import Inspection, inspect_images, inspect_raw, write_html, write_pdf, write_png

IMAGE_ENDINGS = (".nii", ".nii.gz", ".dcm", ".ima")
ENDINGS = (".h5", ".hdf5", ".mrd", ".dat", *IMAGE_ENDINGS)
"""What is looked at in a folder."""

Page = Annotated[
    Path | None, typer.Option("--output", "-o", "--page", metavar="PAGE.html", help="Write the page: one HTML file.")
]


def inspect(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="RAW|IMAGES", help="Raw files, images, or folders of them.", show_default=False),
    ],
    output: Page = None,
    report: ReportFile = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page as a picture.")] = None,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page for a printer.")] = None,
    settings: Settings = None,
    group: Group = "dataset",
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Look at scans, and say whether there were sparks.

    Nothing is repaired and no scan is written. The verdict and a table are shown. The page tells the same with
    pictures, in one file that can be mailed.

    Example: despark inspect scan.h5 -o page.html
    """
    shell = open_shell(verbose, quiet, report)
    found = [each for path in files for each in files_in(path)]
    check_apart((output, png, pdf, report), found)
    for path, endings in ((output, PAGE), (png, (".png",)), (pdf, (".pdf",))):
        if path is not None:
            check_folder(path)
            check_ending(path, endings)
    inspections, failures = [], []
    properties = dict(read_setting(setting) for setting in settings or ())
    with working(shell, f"looking at {found[0] if len(found) == 1 else f'{len(found)} files'}") as work:
        for path in found:
            work.phase(f"looking at {path.name}")
            try:
                inspections.append(look_at(path, properties, group, partial(_show_bar, work, path.name)))
            except DesparkError as error:
                # The only file: its failure is that of the command. Of several, the others are looked at all the same.
                if len(found) == 1:
                    raise
                failures.append(str(error))
    for inspection in inspections:
        heading = [f"\n{inspection.report.input}"] if len(found) > 1 else []
        shell.show(*heading, *summary_of(inspection.report, verbose))
    if len(inspections) > 1:
        n_hit = sum(bool(each.report.totals.sparks) for each in inspections)
        shell.show(f"Sparks in {n_hit} of {len(inspections)} files.")
    for failure in failures:
        shell.complain(f"error: {failure}")
    if not inspections:
        raise RawDataError(f"none of {len(found)} files could be looked at")
    reports = [inspection.report.model_dump(mode="json") for inspection in inspections]
    shell.write_json(json.dumps(reports[0] if len(found) == 1 else reports, indent=1))
    for write, target in ((write_html, output), (write_png, png), (write_pdf, pdf)):
        if target is not None:
            write(target, inspections)
            shell.say(f"written: {target}")
    if failures:
        raise typer.Exit(1)


def files_in(path: Path) -> Iterator[Path]:
    """Give the files that are meant: the file itself, or all scans in a folder, sorted.

    Raises
    ------
    RawDataError
        The folder holds none.
    """
    if not path.is_dir():
        yield path
        return
    # Sorted: a disk gives names in any order, and the page is to be the same each time.
    files = sorted(each for each in path.rglob("*") if _is_scan(each))
    if not files:
        wanted = f"{', '.join(ENDINGS)}, or DICOM without an ending"
        raise RawDataError(f"{path}: expected raw files or images ({wanted}) in this folder, found none")
    yield from files


def _is_scan(path: Path) -> bool:
    """Whether a file in a folder is to be looked at: by its ending, or by the mark of DICOM where it has none."""
    if not path.is_file():
        return False
    # What follows the last dot of a number, as scanners name their images, is no ending.
    if path.suffix[1:].isdigit() or not path.suffix:
        return _has_mark(path)
    return path.name.lower().endswith(ENDINGS)


def _has_mark(path: Path) -> bool:
    # What cannot be read is named by whoever reads it.
    return os.access(path, os.R_OK) and is_dicom(path)


def look_at(path: Path, properties: dict[str, str], group: str, on_step: Callable[[int, int], None]) -> Inspection:
    """Look at one file: at its images where it holds these and no raw data."""
    # A file that holds both is taken as raw: images that were made of it tell less.
    is_image = (
        path.name.lower().endswith(IMAGE_ENDINGS)
        or (has_group(path, "images") and not has_group(path, group))
        # Archives name DICOM files by number, without an ending.
        or _has_mark(path)
    )
    look: Callable[..., Inspection] = inspect_images if is_image else partial(inspect_raw, group=group)
    return look(path, properties, on_step=on_step)


def _show_bar(work: Work, name: str, done: int, total: int) -> None:
    work.bar("looking", done, total, name)
