"""``despark log``: what was found over days, from the entries that all scans have left."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from gadgets.errors import SettingsError
from gadgets.findings import counted, short_receivers, shortened
from gadgets.logbook import Logbook, ScanEntry, logbook_path, record_broken_off
from gadgets.outside import printable
from pipelines.commands.terminal.shell import JsonFile, Quiet, open_shell, verbose_option
from pipelines.commands.terminal.summary import RIPPLE
from pipelines.commands.terminal.trends import BY, By, Trend, direction_of, trends_of
from pipelines.files import STDOUT, check_apart, check_text, whole_or_nothing
from pipelines.replay import LOOK

MOST_ROWS = 30
PROTOCOL_WIDTH, COIL_WIDTH, TREND_WIDTH = 20, 18, 32
MOST_DAYS = 100_000
"""Longer ago than any calendar reaches."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    "ended", "local", "source", "protocol", "station", "k_spaces", "unjudged", "sparks", "repaired", "strongest",
    "provider", "verdict", "failure",
)  # fmt: skip
"""Of a CSV file: what a spreadsheet can hold."""


def log(
    record: Annotated[str, typer.Option(metavar="auto|FILE", help="Which logbook: auto is the user's own.")] = "auto",
    days: Annotated[float | None, typer.Option(min=0, max=MOST_DAYS, help="Only scans of so many last days.")] = None,
    protocol: Annotated[str, typer.Option(metavar="TEXT", help="Only scans with this in the protocol's name.")] = "",
    station: Annotated[str, typer.Option(metavar="TEXT", help="Only scans with this in the scanner's name.")] = "",
    sparks: Annotated[bool, typer.Option("--sparks", help="Only scans with sparks.")] = False,
    by: Annotated[
        By | None, typer.Option(metavar="|".join(BY), help="Show how many sparks there were by day, hour and so on.")
    ] = None,
    json_file: JsonFile = None,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write a table for a spreadsheet; - is standard output."),
    ] = None,
    verbose: Annotated[int, verbose_option("Show what was found in each scan, in a sentence")] = 0,
    quiet: Quiet = False,
) -> None:
    """Show what was found over days.

    Every scan that despark sees leaves an entry, without the patient's name. The table shows the last scans, and
    --by day whether it gets worse. For that, inspect and image do not count: they may look at a scan again.

    Example: despark log --days 30 --by receiver
    """
    shell = open_shell(verbose, quiet, json_file)
    path = logbook_path(record)
    if path is None:
        raise SettingsError("nothing is recorded: the environment says DESPARK_RECORD=off; name a file with --record")
    if csv_file == json_file == STDOUT:
        raise SettingsError("standard output: expected --csv - or --json -, found both")
    if csv_file is not None:
        check_text(csv_file)
    check_apart([json_file, csv_file], [path])
    since = "" if days is None else (datetime.now(timezone.utc) - timedelta(days=days)).isoformat(timespec="seconds")
    if path.is_file():
        record_broken_off(Logbook(path))
    entries = [
        entry
        for entry in Logbook(path).entries(since=since, protocol=protocol, station=station)
        if entry.sparks or not sparks
    ]
    trends = trends_of(entries, by) if by is not None else []
    shell.write_json(
        json.dumps([each._asdict() for each in trends])
        if by is not None
        else json.dumps([entry.model_dump(mode="json") for entry in entries], indent=1)
    )
    if csv_file == STDOUT:
        typer.echo(as_csv(entries), nl=False)
        # As with JSON, what people read goes beside it.
        shell = replace(shell, json_file=STDOUT)
    elif csv_file is not None:
        with whole_or_nothing(csv_file) as temporary:
            temporary.write_text(as_csv(entries), encoding="utf-8", newline="")
    shell.show(_sentence(entries, path), trend_table(trends, by) if by is not None else scan_table(entries))
    if by is None and any(entry.strongest for entry in entries):
        shell.show(Text(RIPPLE, style="dim"))
    if verbose and by is None:
        shell.show("", *map(_verdict_line, entries[-MOST_ROWS:]))
    if by in ("day", "hour"):
        shell.show(direction_of(entries))


def _sentence(entries: Sequence[ScanEntry], path: Path) -> str:
    n_hit = sum(bool(entry.sparks) for entry in entries)
    n_sparks = sum(entry.sparks for entry in entries)
    failed = sum(bool(entry.failure) for entry in entries)
    unjudged = sum(entry.is_unjudged for entry in entries)
    more = (f", {failed} failed" if failed else "") + (f", {unjudged} not judged" if unjudged else "")
    return f"{counted(n_sparks, 'spark')} in {n_hit} of {counted(len(entries), 'scan')}{more} ({path})"


def _verdict_line(entry: ScanEntry) -> Text:
    name = f"{_when(entry)} {entry.protocol}".strip()
    return Text(printable(f"{name}: {f'failed ({entry.failure})' if entry.failure else entry.verdict}"))


def _when(entry: ScanEntry) -> str:
    return entry.local[5:16].replace("T", " ")


def scan_table(entries: Sequence[ScanEntry]) -> Table:
    """Show the last scans, the latest at the end; where it is narrow, names are shortened, and numbers never."""
    left_out = len(entries) - MOST_ROWS
    caption = f"the last {MOST_ROWS}; {left_out} more with --json or --csv" if left_out > 0 else None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, caption=caption, caption_justify="left")
    table.add_column("when", no_wrap=True)
    table.add_column("protocol", max_width=PROTOCOL_WIDTH)
    for name in ("sparks", "repaired", "ripple"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("receivers hit")
    for entry in entries[-MOST_ROWS:]:
        hit = sorted({receiver for spark in entry.found for receiver in spark.receivers})
        coils = [shortened(name, COIL_WIDTH) for name in entry.coils]
        receivers = short_receivers(hit, len(entry.coils), coils)
        strongest = f"{entry.strongest:.2g}" if entry.strongest else ""
        # Whoever looks repairs nothing.
        repaired = "" if not entry.sparks else "looked at" if entry.source == LOOK else str(entry.repaired)
        repaired = "not judged" if entry.is_unjudged else repaired
        protocol = _short(shortened(entry.protocol, PROTOCOL_WIDTH))
        table.add_row(_when(entry), protocol, entry.outcome, repaired, strongest, _short(receivers))
    return table


def _short(name: str) -> Text:
    # A column that may not wrap would be taken from as any other; so the column may, and the text in it does not.
    # A logbook of an older version, or of somebody else's, may hold anything.
    return Text(printable(name), no_wrap=True, overflow="ellipsis")


def trend_table(trends: Sequence[Trend], by: str) -> Table:
    """Show how many sparks there were, by day, hour, protocol or receiver."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(by, max_width=TREND_WIDTH)
    for name in ("scans", "with sparks", "sparks", "sparks per scan"):
        table.add_column(name, justify="right", no_wrap=True)
    for trend in trends:
        per_scan = f"{trend.sparks / trend.scans:.2f}" if trend.scans else ""
        name = shortened(f"#{trend.name}" if by == "receiver" else trend.name, TREND_WIDTH)
        table.add_row(_short(name), str(trend.scans), str(trend.with_sparks), str(trend.sparks), per_scan)
    return table


def as_csv(entries: Sequence[ScanEntry]) -> str:
    """Write scans as a table, values with commas between them."""
    target = io.StringIO()
    writer = csv.DictWriter(target, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for entry in entries:
        writer.writerow({name: _as_cell(value) for name, value in entry.model_dump(mode="json").items()})
    return target.getvalue()


def _as_cell(value: object) -> object:
    """Write a text so that no spreadsheet takes it for a formula: names come from whoever sent the scan."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
