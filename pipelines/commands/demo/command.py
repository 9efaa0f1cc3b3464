"""``despark demo``: the main job on a scan it makes itself, with pictures.

A phantom is scanned (``clean.h5``), sparks are put in (``sparked.h5``, ``truth.json``), the raw file is replayed
through the four-node chain (``images.h5``, ``report.json``), and what was found is compared with what was put in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer

from gadgets.image import reconstruct
from gadgets.wire import encodings_of
from pipelines.benchmark import read_properties
from pipelines.chains import find_chain
from pipelines.commands.demo.files import DemoFiles, made_folder
from pipelines.commands.demo.pictures import (
    MarkedSpark,
    SlicePictures,
    error_table,
    errors_of,
    images_of,
    save_pictures,
)
from pipelines.commands.replay import TOLD, watched
from pipelines.commands.terminal.comparison import found_counts, found_table, harm_table
from pipelines.commands.terminal.progress import Work, unseen, working
from pipelines.commands.terminal.shell import JsonFile, Quiet, Settings, Verbose, open_shell
from pipelines.commands.terminal.summary import summary_of
from pipelines.files import RawFile, read_kspaces
from pipelines.phantom import (
    Comparison,
    PhantomScan,
    RepairedPlace,
    SparkPlan,
    Truth,
    compare,
    peak_of,
    simulate_file,
    write_phantom,
)
from pipelines.replay import DEFAULT_PIPELINE, Replay, ScanReport

# Strong enough to be seen in a picture, many, and most of them where they are hard to find.
WEAKEST_RNR, STRONGEST_RNR = 0.2, 2.0
MOST_EVENTS = 16
CENTRE_SHARE = 0.6
SEED = 3

FAIL_OPENLY = {
    "spark_detection.on_failure": "fail", "calibration.on_failure": "fail", "calibration.record": "off"
}  # fmt: skip
"""A patient's scan goes on when detection fails; a demo is there to show it, and is no scan to be recorded."""


def demo(
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for everything that is made.")] = Path(
        "despark-demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Seed of phantom, noise and sparks.")] = SEED,
    models: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Use the models of a folder, not those installed.")
    ] = None,
    properties: Settings = None,
    json_file: JsonFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Do the main job on a file made for it, with pictures.

    A phantom is scanned, and sparks are put into its raw data. The chain finds and repairs them. Tables and pictures
    show what was found, and how far each image is from the clean one. It takes less than a minute.

    Example: despark demo --output despark-demo
    """
    started = perf_counter()
    shell = open_shell(verbose, quiet, json_file, told=TOLD)
    files = DemoFiles(output)
    with working(shell, f"making a scan with sparks and repairing it, in {output}") as work:
        chosen = read_properties(properties or [], models)
        chain_settings = [f"{name}={value}" for name, value in {**FAIL_OPENLY, **chosen}.items()]
        # A wrong setting is found before the work.
        find_chain(DEFAULT_PIPELINE).with_settings(chain_settings)
        plan = SparkPlan(seed, WEAKEST_RNR, STRONGEST_RNR, MOST_EVENTS, CENTRE_SHARE)
        with made_folder(files):
            result = run_demo(files, PhantomScan(seed=seed), plan, chain_settings, work)
    shell.write_json(json.dumps(result.for_machines(files), indent=1))
    tables = (found_table(result.comparison), harm_table(result.comparison), error_table(result.slices))
    shell.show(*summary_of(result.report, verbose), *tables)
    shell.show(f"Look at {files.picture(0)}; all files are in {output} ({perf_counter() - started:.0f} s).")


@dataclass(frozen=True, eq=False)
class DemoResult:
    """What the chain reported, how that compares with what was put in, and what is shown of each slice."""

    report: ScanReport
    comparison: Comparison
    slices: tuple[SlicePictures, ...]

    def for_machines(self, files: DemoFiles) -> dict[str, Any]:
        """Give what the tables show as plain values."""
        errors = [
            {"picture": str(files.picture(number)), "before": before, "after": after}
            for number, (before, after) in enumerate(map(errors_of, self.slices))
        ]
        return {
            "report": self.report.model_dump(mode="json"),
            "found": found_counts(self.comparison),
            "image_error_percent": errors,
        }


def run_demo(
    files: DemoFiles, scan: PhantomScan, plan: SparkPlan, settings: Sequence[str] = (), work: Work | None = None
) -> DemoResult:
    """Make all files of a demo.

    Parameters
    ----------
    files
        Where they go; the folder exists.
    scan, plan
        What is scanned, and which sparks are put in.
    settings
        Of the chain, as ``NODE.PROPERTY=VALUE``.
    work
        Where it is shown how far it is.

    Raises
    ------
    DesparkError
        A file cannot be written, a setting or a model is at fault, or a node failed.
    """
    work = work or unseen()
    work.phase("scanning a phantom")
    write_phantom(files.clean, scan, lambda done, total: work.bar("scanning a phantom", done, total))
    work.phase("putting sparks in")
    truth = simulate_file(files.clean, files.sparked, files.truth, plan)
    replayed = Replay(files.sparked, files.images, settings=tuple(settings), report=files.report)
    report = watched(replayed, work).run()
    comparison = compare(truth.sparks, repaired_places(report))
    work.phase("drawing pictures")
    slices = tuple(pictures_of(files, truth, comparison))
    for number, pictures in enumerate(slices):
        save_pictures(files.picture(number), pictures)
        work.bar("drawing pictures", number + 1, len(slices))
    return DemoResult(report, comparison, slices)


def repaired_places(report: ScanReport) -> list[RepairedPlace]:
    """Give every sample that the chain changed."""
    return [
        RepairedPlace(kspace.indices, (point.partition, point.line, point.sample), point.receivers_repaired)
        for kspace in report.k_spaces
        for point in kspace.points
        if point.method is not None
    ]


def pictures_of(files: DemoFiles, truth: Truth, comparison: Comparison) -> Iterator[SlicePictures]:
    """Put together what is shown of each slice; images without sparks are made as the chain makes them."""
    with RawFile(files.clean) as raw:
        (encoding,) = encodings_of(raw.header)
    repaired = images_of(files.images)
    for clean, sparked in zip(read_kspaces(files.clean), read_kspaces(files.sparked), strict=True):
        indices = clean.kspace.indices
        # What came before the repair the chain does not tell: it is made here by the same function.
        before, after = reconstruct(sparked.kspace, encoding)[0], repaired[indices.slice]
        sparks = tuple(
            MarkedSpark(spark.line, peak_of(spark)[2], spark.rnr, spark.radius, found)
            for spark, found in zip(truth.sparks, comparison.found, strict=True)
            if spark.indices == indices
        )
        kspace = np.abs(sparked.kspace.data[:, 0]).max(axis=0)
        title = f"despark demo, slice {indices.slice}"
        yield SlicePictures(title, reconstruct(clean.kspace, encoding)[0], before, after, kspace, sparks)
