"""``despark console``: scans as they end in a browser, what was found in them confirmed or rejected, thresholds set."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from gadgets.errors import RawDataError, SettingsError
from gadgets.logbook import Logbook, logbook_path
from gadgets.settings import RawRepairSettings, validate
from pipelines.benchmark import read_setting
from pipelines.commands.inspect import files_in, look_at
from pipelines.commands.terminal.logs import SERVER_FORMAT
from pipelines.commands.terminal.shell import Group, Quiet, Settings, Verbose, open_shell
from pipelines.commands.terminal.watching import asked_to_stop, wait_for
from pipelines.console import Console, Desk, Looker
from pipelines.inspection import Inspection

logger = logging.getLogger(__name__)


def console(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RAW", help="Raw files, or folders of them, to look at.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes one that is free.")] = 9020,
    bind: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on. Who has the key may see all scans.")
    ] = "127.0.0.1",
    record: Annotated[str, typer.Option(metavar="auto|FILE", help="Which logbook: auto is the user's own.")] = "auto",
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A history of JSON lines to read into the logbook, once.", show_default=False
        ),
    ] = None,
    pages: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Pages that a server keeps of its scans, to be opened.", show_default=False),
    ] = None,
    settings: Settings = None,
    group: Group = "dataset",
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Watch scans in a browser, and judge what was found.

    The page shows the scans that run, and every scan that leaves an entry in the logbook. Raw files that are named
    here, and new ones in folders, are looked at and shown with pictures. What is set on the page holds for the next
    scan.

    Example: despark console scans --port 9020
    """
    open_shell(verbose, quiet, server=SERVER_FORMAT)
    path = logbook_path(record)
    if path is None:
        raise SettingsError("nothing is recorded: the environment says DESPARK_RECORD=off; name a file with --record")
    for file in [*(files or ()), *([pages] if pages is not None else ())]:
        if not file.exists():
            raise RawDataError(f"{file}: no such file or folder")
    properties = dict(read_setting(setting) for setting in settings or ())
    validate(properties, RawRepairSettings, "console")
    desk = Desk(Logbook(path), history, pages)

    def look(file: Path, own: Mapping[str, str], on_step: Callable[[int, int], None]) -> Inspection:
        return look_at(file, dict(own), group, on_step)

    with (
        asked_to_stop() as signals,
        Looker(lambda: _found(files or ()), look, desk, properties) as looker,
        Console(bind, port, desk, looker) as served,
    ):
        # On standard output, as it is what the command is for, whatever else is quiet.
        typer.echo(served.url)
        wait_for(signals)


def _found(paths: list[Path] | tuple[()]) -> Iterator[Path]:
    for path in paths:
        try:
            yield from files_in(path)
        except RawDataError:
            # A folder that is empty now is watched for what comes.
            continue
